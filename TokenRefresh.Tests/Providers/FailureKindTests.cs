using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

public sealed class FailureKindTests
{
    /// <summary>Stored in rows, shown to people and matched by programs: a code never changes.</summary>
    [Theory]
    [InlineData(FailureKind.ProviderDown, "provider_down", true)]
    [InlineData(FailureKind.RateLimited, "rate_limited", true)]
    [InlineData(FailureKind.InvalidResponse, "invalid_response", true)]
    [InlineData(FailureKind.CredentialRejected, "credential_rejected", false)]
    [InlineData(FailureKind.GrantRevoked, "grant_revoked", false)]
    [InlineData(FailureKind.Configuration, "configuration", false)]
    [InlineData(FailureKind.Abandoned, "abandoned", true)]
    [InlineData(FailureKind.Internal, "internal", true)]
    public void A_kind_has_its_code_and_is_worth_another_try_or_not(FailureKind kind, string code, bool isRetryable)
    {
        kind.Code().ShouldBe(code);
        FailureKinds.Parse(code).ShouldBe(kind);
        kind.IsRetryable().ShouldBe(isRetryable);
    }

    [Fact]
    public void Every_kind_has_a_code_of_its_own()
    {
        Enum.GetValues<FailureKind>().Select(kind => kind.Code()).ShouldBeUnique();
    }

    [Theory]
    [InlineData("")]
    [InlineData("ProviderDown")]
    [InlineData("PROVIDER_DOWN")]
    public void A_code_that_no_kind_has_is_a_mistake_that_names_it(string code)
    {
        var error = Should.Throw<ArgumentOutOfRangeException>(() => FailureKinds.Parse(code));

        error.ActualValue.ShouldBe(code);
        error.Message.ShouldContain("not a failure kind");
    }

    [Fact]
    public void A_kind_that_is_none_has_no_code()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => ((FailureKind)99).Code()).ActualValue.ShouldBe((FailureKind)99);
    }
}
