using Shouldly;

namespace TokenRefresh.Tests.Conventions;

public sealed class RoomTests
{
    [Fact]
    public void No_file_uses_a_room_that_its_own_may_not()
    {
        var files = Files().ToList();
        files.Count.ShouldBeGreaterThan(200);
        files.SelectMany(file => Rooms.Forbidden(file.Path, file.Text).Select(used => $"{file.Path} uses {used}")).ShouldBeEmpty();
    }

    [Fact]
    public void Every_room_of_the_jobs_is_in_the_order() =>
        Files().Select(file => file.Path.Split('/')).Where(parts => parts is ["TokenRefresh.Jobs", _, _, ..]).Select(parts => parts[1]).Distinct().Order().ShouldBe(Rooms.Jobs.Order());

    [Theory]
    [MemberData(nameof(ForbiddenUsings))]
    public void One_forbidden_using_in_any_room_is_noticed(string file, string forbidden)
    {
        var text = File.ReadAllText(Path.Combine(ConventionTests.Root, file));

        Rooms.Forbidden(file, text).ShouldBeEmpty();
        Rooms.Forbidden(file, $"using {forbidden};\n{text}").ShouldBe([forbidden]);
    }

    [Fact]
    public void A_room_that_is_named_in_part_is_noticed_too() =>
        Rooms.Forbidden("TokenRefresh.Jobs/Tokens/Example.cs", "namespace TokenRefresh.Jobs.Tokens;\n\nclass Example(Alerts.Incident incident);\n").ShouldBe(["TokenRefresh.Jobs.Alerts"]);

    /// <summary>Of each room one file, with each namespace that it may not use.</summary>
    public static TheoryData<string, string> ForbiddenUsings()
    {
        var data = new TheoryData<string, string>();
        string[] all = [.. Rooms.Jobs.Select(room => $"TokenRefresh.Jobs.{room}"), "TokenRefresh.Providers", .. Rooms.Surfaces.Select(room => $"TokenRefresh.Server.{room}")];
        foreach (var (path, _) in Files().GroupBy(file => string.Join('/', file.Path.Split('/')[..^1])).Where(room => room.Key.Count(sign => sign == '/') <= 1).Select(room => room.MinBy(file => file.Path)))
        {
            foreach (var other in all.Where(other => Rooms.Forbidden(path, $"using {other};\n").Count > 0))
            {
                data.Add(path, other);
            }
        }

        return data;
    }

    private static IEnumerable<(string Path, string Text)> Files() =>
        from project in new[] { "TokenRefresh.Providers", "TokenRefresh.Jobs", "TokenRefresh.Server" }
        from file in ConventionTests.Sources(project)
        where !file.Contains("/Migrations/", StringComparison.Ordinal)
        select (Path.GetRelativePath(ConventionTests.Root, file).Replace('\\', '/'), File.ReadAllText(file));
}
