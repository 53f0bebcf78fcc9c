using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Providers.Settings;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Documentation;

/// <summary>The settings that the program registers are those of its documents.</summary>
public sealed class SettingsListTests
{
    [Fact]
    public async Task Every_setting_that_the_program_reads_stands_in_the_example_file_and_belongs_to_the_table_of_settings()
    {
        await using var app = ServerHost.Build(new Dictionary<string, string?> { ["environment"] = "Development" }, Roles.All);
        var keys = app.Services.GetServices<SettingsSection>().SelectMany(section => section.Settings).Select(setting => setting.Key.Replace(":", "__", StringComparison.Ordinal)).Distinct()
            .Where(key => !key.StartsWith("Providers__", StringComparison.Ordinal) && !key.StartsWith("Tokens__", StringComparison.Ordinal)).ToList();
        keys.Count.ShouldBeGreaterThan(50);

        var example = File.ReadAllText(Path.Combine(HostPaths.Current.RepositoryRoot!, ".env.example"));

        keys.Where(key => !example.Contains($"{key}=", StringComparison.Ordinal)).ShouldBeEmpty();
    }
}
