using Microsoft.Extensions.Configuration;
using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>An index finds what the library's own walk finds.</summary>
public sealed class IndexedSettingsTests
{
    private static readonly Dictionary<string, string?> Pairs = new()
    {
        ["Tokens:jibit:Provider"] = "jibit", ["tokens:fino:provider"] = "finnotech", ["Tokens:fino:Scopes"] = "a,b", ["Tokens:10:Provider"] = "jibit", ["Tokens:9:Provider"] = "jibit",
        ["Tokens"] = "", ["TokensOfAnother:x"] = "1", ["Plain"] = "1", ["Odd::x"] = "1", ["Ends:"] = "1",
    };

    [Theory]
    [InlineData("")]
    [InlineData("Tokens")]
    [InlineData("TOKENS:Fino")]
    [InlineData("Tokens:jibit:Provider")]
    [InlineData("Odd")]
    [InlineData("Ends")]
    [InlineData("Nothing")]
    public void A_section_has_the_children_that_it_has_without_an_index(string path)
    {
        Children(new ConfigurationBuilder().Add(new IndexedSettings(Pairs, "a test")), path).ShouldBe(Children(new ConfigurationBuilder().AddInMemoryCollection(Pairs), path));
    }

    [Fact]
    public void Settings_below_and_above_it_join_their_children()
    {
        var joined = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Tokens:below:Provider"] = "x" })
            .Add(new IndexedSettings(Pairs, "a test"))
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Tokens:above:Provider"] = "x" });

        Children(joined, "Tokens").ShouldBe(["9", "10", "above", "below", "fino", "jibit"]);
    }

    [Fact]
    public void The_environment_is_read_as_the_library_reads_it()
    {
        var indexed = new ConfigurationBuilder().Add(new IndexedEnvironment()).Build();

        indexed.AsEnumerable().ShouldBe(new ConfigurationBuilder().AddEnvironmentVariables().Build().AsEnumerable());
    }

    private static string[] Children(IConfigurationBuilder builder, string path)
    {
        IConfiguration configuration = builder.Build();
        return [.. (path.Length == 0 ? configuration : configuration.GetSection(path)).GetChildren().Select(child => child.Key)];
    }
}
