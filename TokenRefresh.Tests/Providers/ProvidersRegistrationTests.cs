using Microsoft.Extensions.Options;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

public sealed class ProvidersRegistrationTests
{
    [Theory]
    [InlineData("Providers:Bank:Type", "Jibbit", "Providers__Bank__Type = 'Jibbit' is not allowed: one of ")]
    [InlineData("Providers:Bank:ApiKey", "x", "Providers__Bank__Type = '' is not allowed: one of ")]
    [InlineData("Providers:Jibit:BaseUrl", "napi.jibit.ir", "Providers__Jibit__BaseUrl = 'napi.jibit.ir' is not allowed: an absolute http or https address")]
    [InlineData("Providers:Jibit:BaseUrl", "ftp://napi.jibit.ir", "Providers__Jibit__BaseUrl")]
    [InlineData("Providers:Jibit:BaseUrl", "https://napi.jibit.ir/ide?x=1", "Providers__Jibit__BaseUrl")]
    [InlineData("Providers:Jibit:Timeout", "00:00:00.5", "Providers__Jibit__Timeout")]
    [InlineData("Providers:Jibit:Timeout", "00:02:01", "Providers__Jibit__Timeout")]
    [InlineData("Providers:Jibit:MaxConcurrency", "0", "Providers__Jibit__MaxConcurrency = '0' is not allowed: a number from 1 to 1000.")]
    [InlineData("Providers:Jibit:Enabled", "maybe", "Providers__Jibit__Enabled = 'maybe' is not allowed: true or false.")]
    [InlineData("Providers:Jibit:ApiKye", "x", "Providers__Jibit__ApiKye is not a setting; Providers__Jibit has ")]
    [InlineData("Providers:Finnotech:ClientId", "demo:app", "Providers__Finnotech__ClientId = 'demo:app' is not allowed")]
    [InlineData("Providers:Finnotech:ClientId", "demo app", "Providers__Finnotech__ClientId")]
    [InlineData("Providers:Finnotech:ClientId", "demo/app", "Providers__Finnotech__ClientId")]
    [InlineData("Providers:Finnotech:NationalId", "99999988", "Providers__Finnotech__NationalId = (hidden) is not allowed: ten digits, leading zeros included.")]
    [InlineData("Providers:Finnotech:NationalId", "00999999881", "Providers__Finnotech__NationalId")]
    [InlineData("Providers:Finnotech:NationalId", "۰۰۹۹۹۹۹۹۸۸", "Providers__Finnotech__NationalId")]
    public void A_wrong_setting_stops_the_start_with_one_line_that_says_what_is_allowed(string key, string value, string line)
    {
        using var world = new ProviderWorld((key, value));

        var refusal = Should.Throw<OptionsValidationException>(world.Validate).Failures.ShouldHaveSingleItem();

        refusal.ShouldStartWith(line);
        refusal.ShouldNotContain('\n');
    }

    [Theory]
    [InlineData("Providers:Jibit:Type", "jibit")]
    [InlineData("Providers:Jibit:BaseUrl", "")]
    [InlineData("Providers:Jibit:BaseUrl", "http://localhost:5080/sandbox/jibit/ide/")]
    [InlineData("Providers:Jibit:Threshold", "00:10:00")]
    [InlineData("Providers:Jibit:LifetimeFraction", "0.5")]
    [InlineData("Providers:Jibit:CriticalThreshold", "01:00:00")]
    [InlineData("Providers:Finnotech:NationalId", "")]
    public void A_right_setting_does_not(string key, string value)
    {
        using var world = new ProviderWorld((key, value));

        world.Validate();
    }

    [Fact]
    public void Both_providers_are_there_without_any_setting_and_say_what_is_missing()
    {
        using var world = ProviderWorld.Unconfigured();
        world.Validate();

        world.Jibit.MissingSettings.ShouldBe(["Providers__Jibit__ApiKey", "Providers__Jibit__SecretKey"]);
        world.Finnotech.MissingSettings.ShouldBe(["Providers__Finnotech__ClientId", "Providers__Finnotech__ClientSecret", "Providers__Finnotech__NationalId"]);
        world.Jibit.IsEnabled.ShouldBeTrue();
        world.Jibit.Timeout.ShouldBe(TimeSpan.FromSeconds(30));
        world.Jibit.MaxConcurrency.ShouldBeNull();
    }

    [Fact]
    public void With_credentials_nothing_is_missing()
    {
        using var world = new ProviderWorld();

        world.Providers.All.ShouldAllBe(provider => provider.MissingSettings.Count == 0);
    }

    [Fact]
    public async Task Two_providers_of_one_type_have_their_own_settings_addresses_and_circuits()
    {
        using var world = new ProviderWorld(
            ("Providers:JibitTwo:Type", "Jibit"), ("Providers:JibitTwo:BaseUrl", "https://two.example/ide"), ("Providers:JibitTwo:ApiKey", "key-two"),
            ("Providers:JibitTwo:SecretKey", "secret-two"), ("Providers:JibitTwo:MaxConcurrency", "3"), ("Providers:JibitTwo:Enabled", "false"));
        world.Validate();
        var two = world.Providers.Find("JIBITTWO")!;
        for (var call = 0; call < 20; call++)
        {
            world.Http.Reply(503, "");
            await two.AcquireAsync(ProviderWorld.Order(), default);
        }

        world.Providers.All.Select(provider => provider.Name).ShouldBe(["finnotech", "jibit", "jibittwo"]);
        two.MaxConcurrency.ShouldBe(3);
        two.IsEnabled.ShouldBeFalse();
        world.Http.Sent[0].Address.ShouldBe(new Uri("https://two.example/ide/v1/tokens/generate"));
        world.Http.Sent[0].ShouldHaveBody(("apiKey", "key-two"), ("secretKey", "secret-two"));
        two.CircuitOpenUntil.ShouldNotBeNull();
        world.Jibit.CircuitOpenUntil.ShouldBeNull();
    }

    [Theory]
    [InlineData("https://napi.example/ide", "/ide/v1/tokens/generate")]
    [InlineData("https://napi.example/ide/", "/ide/v1/tokens/generate")]
    [InlineData("https://napi.example", "/v1/tokens/generate")]
    [InlineData("https://napi.example/", "/v1/tokens/generate")]
    public async Task A_base_address_may_have_a_path_and_a_slash_at_its_end(string address, string path)
    {
        using var world = new ProviderWorld(("Providers:Jibit:BaseUrl", address));
        world.Http.Reply(200, "{}");

        await world.Jibit.AcquireAsync(ProviderWorld.Order(), default);

        world.Http.Sent.Single().Address.AbsolutePath.ShouldBe(path);
    }

    [Theory]
    [InlineData("Providers:Jibit:BaseUrl", "https://other.example")]
    [InlineData("Providers:Jibit:ApiKey", "another")]
    [InlineData("Providers:Jibit:SecretKey", "another")]
    public void The_digest_changes_with_address_and_credentials(string key, string value)
    {
        using var one = new ProviderWorld();
        using var same = new ProviderWorld(("Providers:Jibit:Timeout", "00:00:10"));
        using var other = new ProviderWorld((key, value));

        same.Jibit.SettingsDigest.ShouldBe(one.Jibit.SettingsDigest);
        other.Jibit.SettingsDigest.ShouldNotBe(one.Jibit.SettingsDigest);
        one.Jibit.SettingsDigest.Length.ShouldBe(32);
    }

    [Fact]
    public void A_name_that_nobody_has_finds_nothing()
    {
        using var world = new ProviderWorld();

        world.Providers.Find("nobody").ShouldBeNull();
        world.Providers.Find("JiBiT")!.Name.ShouldBe("jibit");
    }
}
