using Shouldly;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Tests.Server.Hosting.Postgres;

public sealed class CommandsTests
{
    [Fact]
    public void A_program_that_is_started_does_not_inherit_the_settings_and_their_secrets()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program that prints its environment is another one there.");
        Environment.SetEnvironmentVariable("CommandsTests__Secret", "planted-secret");

        var printed = Commands.Run("env", []).Output;

        printed.ShouldContain("PATH=");
        printed.ShouldNotContain("planted-secret");
    }
}
