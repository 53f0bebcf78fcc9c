using System.Reflection;
using System.Text.RegularExpressions;
using Shouldly;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Conventions;

public sealed partial class ConventionTests
{
    private static readonly Assembly Providers = typeof(ITokenProvider).Assembly;
    private static readonly Assembly Jobs = typeof(RecurringJobs).Assembly;
    private static readonly Assembly Server = typeof(HostPaths).Assembly;

    [Fact]
    public void References_go_from_server_to_jobs_to_providers_only()
    {
        References(Providers).ShouldNotContain(name => name.StartsWith("TokenRefresh", StringComparison.Ordinal));
        References(Jobs).Where(name => name.StartsWith("TokenRefresh", StringComparison.Ordinal)).ShouldBe(["TokenRefresh.Providers"]);
    }

    [Fact]
    public void Providers_know_no_database_and_no_schedule_and_jobs_know_no_web_and_no_refit()
    {
        References(Providers).ShouldNotContain(name => Regex.IsMatch(name, "EntityFramework|Npgsql|Hangfire|AspNetCore"));
        References(Jobs).ShouldNotContain(name => Regex.IsMatch(name, @"Refit|AspNetCore\.(Http|Mvc|Routing|Hosting)"));
    }

    [Fact]
    public void Vendors_do_not_know_each_other()
    {
        string[] vendors = ["Jibit", "Finnotech", "OAuth2"];
        foreach (var vendor in vendors)
        {
            var files = Sources("TokenRefresh.Providers").Where(file => file.Contains($"/{vendor}/", StringComparison.Ordinal)).ToList();
            files.Count.ShouldBeGreaterThan(2, vendor);
            files.Where(file => vendors.Any(other => other != vendor && Regex.IsMatch(File.ReadAllText(file), $@"\b{other}"))).ShouldBeEmpty(vendor);
        }
    }

    [Fact]
    public void No_vendor_is_named_in_jobs_verbs_or_hosting() =>
        Sources("TokenRefresh.Jobs").Concat(Sources("TokenRefresh.Server/Cli")).Concat(Sources("TokenRefresh.Server/Hosting"))
            .Where(file => !file.Contains("/Migrations/", StringComparison.Ordinal) && Regex.IsMatch(File.ReadAllText(file), @"\b(Jibit|Finnotech)\b"))
            .ShouldBeEmpty();

    [Fact]
    public void Classes_are_sealed_static_or_meant_to_be_derived_from() =>
        new[] { Providers, Jobs, Server }.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsClass: true, IsSealed: false, IsAbstract: false, IsNested: false } && type.Namespace?.StartsWith("TokenRefresh", StringComparison.Ordinal) == true)
            .Where(type => type.Namespace?.EndsWith(".Migrations", StringComparison.Ordinal) != true && !type.Name.Contains('<', StringComparison.Ordinal) && type.Name != "Program")
            .Select(type => type.FullName).ShouldBeEmpty();

    [Fact]
    public void Event_ids_of_log_messages_are_unique() =>
        Sources("").SelectMany(file => LogMessage().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .ToList().ShouldSatisfyAllConditions(ids => ids.Count.ShouldBeGreaterThan(20), ids => ids.ShouldBeUnique());

    [Fact]
    public void No_two_locks_of_the_database_have_the_same_number() =>
        new[] { Jobs, Server }.SelectMany(assembly => assembly.GetTypes())
            .Select(type => type.GetField("LockId", BindingFlags.Static | BindingFlags.NonPublic)?.GetRawConstantValue()).OfType<long>()
            .ToList().ShouldSatisfyAllConditions(ids => ids.Count.ShouldBeGreaterThan(3), ids => ids.ShouldBeUnique());

    [Fact]
    public void Every_setting_of_the_options_stands_in_the_example_file()
    {
        var example = File.ReadAllText(Path.Combine(Root, ".env.example"));
        var sections = new[] { Jobs, Server }.SelectMany(assembly => assembly.GetTypes())
            .Select(type => (Type: type, Section: type.GetField("Section", BindingFlags.Static | BindingFlags.Public)?.GetRawConstantValue() as string))
            .Where(options => options.Section is not null && options.Type.Name.EndsWith("Options", StringComparison.Ordinal)).ToList();
        sections.Count.ShouldBeGreaterThan(10);

        var missing = sections.SelectMany(options => options.Type.GetProperties().Where(property => property.CanWrite)
                .Select(property => $"{options.Section!.Replace(":", "__", StringComparison.Ordinal)}__{property.Name}="))
            .Where(key => !example.Contains(key, StringComparison.Ordinal));

        missing.ShouldBeEmpty();
    }

    private static IEnumerable<string> References(Assembly assembly) => assembly.GetReferencedAssemblies().Select(name => name.Name!);

    internal static string Root => HostPaths.Current.RepositoryRoot!;

    internal static IEnumerable<string> Sources(string project) =>
        Directory.EnumerateFiles(Path.Combine(Root, project), "*.cs", SearchOption.AllDirectories)
            .Select(file => file.Replace('\\', '/'))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal) && !file.Contains("/TokenRefresh.Tests/", StringComparison.Ordinal));

    [GeneratedRegex(@"\[LoggerMessage\((\d+)")]
    private static partial Regex LogMessage();
}
