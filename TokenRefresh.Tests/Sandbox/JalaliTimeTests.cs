using System.Globalization;
using Shouldly;
using TokenRefresh.Server.Sandbox.Finnotech;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class JalaliTimeTests
{
    // The first three are the documents' own samples, dated by the JWT beside them; the second lies in Iran's last summer times.
    [Theory]
    [InlineData("2018-10-22T07:43:55Z", "13970730111355")]
    [InlineData("2019-07-03T09:16:09Z", "13980412134609")]
    [InlineData("2024-09-09T10:06:57Z", "14030619133657")]
    [InlineData("2025-03-19T20:29:59Z", "14031229235959")]
    [InlineData("2025-03-19T20:30:00Z", "14031230000000")]
    [InlineData("2025-03-20T20:30:00Z", "14040101000000")]
    public void An_instant_is_written_as_Tehrans_wall_shows_it(string instant, string written) =>
        JalaliTime.Write(DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture)).ShouldBe(written);
}
