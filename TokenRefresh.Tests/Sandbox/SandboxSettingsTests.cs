using Microsoft.Extensions.Configuration;
using Shouldly;
using TokenRefresh.Server.Sandbox;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class SandboxSettingsTests
{
    [Fact]
    public void Without_any_settings_both_providers_are_sandboxed()
    {
        var defaults = SandboxSettings.For(Configured());

        defaults.Providers.ShouldBe(["Jibit", "Finnotech"]);
        defaults.Values["Providers:Jibit:BaseUrl"].ShouldBe("http://sandbox.invalid/sandbox/jibit/ide");
        defaults.Values["Providers:Finnotech:BaseUrl"].ShouldBe("http://sandbox.invalid/sandbox/finnotech");
        defaults.Values["Providers:Finnotech:NationalId"].ShouldBe("0099999988");
        string[] credentials = ["Jibit:ApiKey", "Jibit:SecretKey", "Finnotech:ClientId", "Finnotech:ClientSecret"];
        credentials.ShouldAllBe(key => !string.IsNullOrWhiteSpace(defaults.Values["Providers:" + key]));
    }

    [Theory]
    [InlineData("Providers:Jibit:ApiKey", "Finnotech")]
    [InlineData("Providers:Jibit:SecretKey", "Finnotech")]
    [InlineData("Providers:Jibit:BaseUrl", "Finnotech")]
    [InlineData("providers:jibit:baseurl", "Finnotech")]
    [InlineData("Providers:Finnotech:ClientId", "Jibit")]
    [InlineData("Providers:Finnotech:ClientSecret", "Jibit")]
    [InlineData("Providers:Finnotech:NationalId", "Jibit")]
    [InlineData("Providers:Finnotech:BaseUrl", "Jibit")]
    public void A_provider_with_one_setting_of_its_own_is_left_alone(string key, string sandboxed)
    {
        var defaults = SandboxSettings.For(Configured((key, "configured")));

        defaults.Providers.ShouldBe([sandboxed]);
        defaults.Values.Keys.ShouldAllBe(name => name.StartsWith($"Providers:{sandboxed}:"));
    }

    [Fact]
    public void A_blank_setting_counts_as_none() =>
        SandboxSettings.For(Configured(("Providers:Jibit:ApiKey", ""), ("Providers:Jibit:BaseUrl", " "))).Providers.ShouldContain("Jibit");

    [Fact]
    public void Other_settings_do_not_matter() =>
        SandboxSettings.For(Configured(("Providers:Jibit:Timeout", "00:00:10"))).Providers.ShouldContain("Jibit");

    private static IConfiguration Configured(params (string Key, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value)).Build();
}
