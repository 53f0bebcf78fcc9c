using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Administration;

public sealed class ClientKeyTests
{
    [Fact]
    public void A_secret_is_refused_whichever_of_its_characters_differs()
    {
        var (key, text) = ClientKey.Issue("billing", "jibit", ClientActs.Usual, Some.Now);
        ClientKey.TryParse(text, out _, out var secret).ShouldBeTrue();
        key.Accepts(secret).ShouldBeTrue();

        for (var at = 0; at < secret.Length; at++)
        {
            var other = secret.ToArray();
            other[at] = other[at] == '0' ? '1' : '0';
            key.Accepts(other).ShouldBeFalse($"position {at}");
        }
    }

    [Fact]
    public void Two_keys_share_neither_id_nor_secret_and_the_row_holds_no_secret()
    {
        var (one, text) = ClientKey.Issue("billing", "jibit", ClientActs.Usual, Some.Now);
        var (two, other) = ClientKey.Issue("billing", "jibit", ClientActs.Usual, Some.Now);

        one.Id.ShouldNotBe(two.Id);
        text[^64..].ShouldNotBe(other[^64..]);
        Convert.ToHexStringLower(one.SecretHash).ShouldNotBe(text[^64..]);
        two.Accepts(text.AsSpan(text.Length - 64)).ShouldBeFalse();
    }
}
