using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class EnvFileTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    [Theory]
    [InlineData("Email__Password=abc$def", true)]
    [InlineData("Email__Password=\"abc$def\"", true)]
    [InlineData("Email__Password=abc${def}ghi", true)]
    [InlineData("ADMIN_EMAIL=ops$def@example.com", true)]
    [InlineData("Email__Password='abc$def'", false)]
    [InlineData("Email__Password=\"abc\\$def\"", false)]
    [InlineData("Email__Password=abc$HOME", false)]
    [InlineData("Email__Password=abc", false)]
    [InlineData("Theirs=abc$def", false)]
    public void A_value_of_ours_that_is_cut_at_a_variable_that_is_not_set_is_warned_of(string line, bool isWarned)
    {
        var read = Read($"# a comment\n{line}\n");

        read.Warnings.Count.ShouldBe(isWarned ? 1 : 0, string.Join('\n', read.Warnings));
        read.Warnings.ShouldAllBe(warning => warning.Contains("line 2:") && !warning.Contains("abc") && !warning.Contains("def"));
    }

    [Fact]
    public void What_stands_around_a_line_that_is_passed_over_is_read()
    {
        var read = Read("Email__Host=one\nwhat is this\nexport Email__From='a b'\nEmail__Password=\"two\nlines\"\n= 7\nEmail__Username=last\n");

        read.Values.ShouldBe(new Dictionary<string, string?> { ["Email:Host"] = "one", ["Email:From"] = "a b", ["Email:Password"] = "two\nlines", ["Email:Username"] = "last" }, ignoreOrder: true);
        read.Warnings.Select(warning => warning[(file.Length + 1)..].Split(" cannot")[0]).ShouldBe([" line 2", " line 6"]);
    }

    [Fact]
    public void The_example_file_is_read_without_a_warning() =>
        EnvFile.Read([Path.Combine(HostPaths.Current.RepositoryRoot!, ".env.example")]).Warnings.ShouldBeEmpty();

    [Fact]
    public void A_user_without_a_home_folder_is_told_how_to_name_a_data_folder() =>
        Should.Throw<StartUpException>(() => HostPaths.HomeFolder("")).Message.ShouldContain("Data__Directory");

    public void Dispose() => File.Delete(file);

    private EnvSettings Read(string text)
    {
        File.WriteAllText(file, text);
        return EnvFile.Read([file]);
    }
}
