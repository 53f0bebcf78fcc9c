using System.Text;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

/// <summary>A credential that is about to be replaced, and the one that follows it; what is OAuth2's own is in its settings tests.</summary>
public sealed class NextCredentialTests
{
    private const string NextSecret = "planted-next-secret", NextKey = "planted-next-key", Pair = """{"accessToken":"a","refreshToken":"r"}""";
    private const string JibitRefuses = """{"code":"invalid.credentials","message":"no"}""", FinnotechRefuses = """{"responseCode":"FN-BRVH-40300000001","status":"FAILED","error":{"code":"UNAUTHORIZED"}}""";
    private const string FinnotechIssues = """{"result":{"value":"access-2","refreshToken":"refresh-2"},"status":"DONE"}""";

    private static readonly TokenOrder Jibit = ProviderWorld.Order(), Finnotech = ProviderWorld.Order("fino", "a:b:get");

    [Fact]
    public async Task Jibits_next_pair_is_tried_when_the_present_one_is_refused_and_the_log_says_so()
    {
        using var world = new ProviderWorld(("Providers:Jibit:NextApiKey", NextKey), ("Providers:Jibit:NextSecretKey", NextSecret));
        world.Http.Reply(401, JibitRefuses);
        world.Http.Reply(200, Pair);
        world.Http.Reply(200, Pair);

        var first = (await world.Jibit.AcquireAsync(Jibit, default)).ShouldBeOfType<ProviderResult.Issued>();
        await world.Jibit.AcquireAsync(Jibit, default);

        world.Http.Sent.Select(sent => sent.Body.Contains(NextKey, StringComparison.Ordinal) && sent.Body.Contains(NextSecret, StringComparison.Ordinal)).ShouldBe([false, true, true]);
        (first.Note, first.IsByNextCredential).ShouldBe(("with Providers__Jibit__NextApiKey and Providers__Jibit__NextSecretKey", true));
    }

    [Fact]
    public async Task Of_a_next_secret_alone_the_key_stays_the_present_one()
    {
        using var world = new ProviderWorld(("Providers:Jibit:NextSecretKey", NextSecret));
        world.Http.Reply(401, JibitRefuses);
        world.Http.Reply(200, Pair);

        await world.Jibit.AcquireAsync(Jibit, default);

        world.Http.Sent[1].ShouldHaveBody(("apiKey", ProviderWorld.ApiKey), ("secretKey", NextSecret));
    }

    [Fact]
    public async Task Both_refused_is_one_failure_that_names_both_and_no_secret()
    {
        using var world = new ProviderWorld(("Providers:Jibit:NextSecretKey", NextSecret));
        world.Http.Reply(401, JibitRefuses);
        world.Http.Reply(401, JibitRefuses);

        var failure = (await world.Jibit.AcquireAsync(Jibit, default)).ShouldHaveFailed(FailureKind.CredentialRejected);

        failure.Reason.ShouldBe("HTTP 401 invalid.credentials, with ApiKey/SecretKey and with NextSecretKey");
        world.Http.Sent.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Finnotechs_next_secret_renews_what_the_present_one_is_refused_for()
    {
        using var world = new ProviderWorld(("Providers:Finnotech:NextClientSecret", NextSecret));
        world.Http.Reply(401, FinnotechRefuses);
        world.Http.Reply(200, FinnotechIssues);

        var renewed = await world.Finnotech.RenewAsync(Finnotech, new("access-1", "refresh-1"), default);

        world.Http.Sent.Select(Secret).ShouldBe([ProviderWorld.ClientSecret, NextSecret]);
        renewed.ShouldBeOfType<ProviderResult.Issued>().Note.ShouldBe("with Providers__Finnotech__NextClientSecret");
    }

    [Theory]
    [InlineData(400, """{"error":{"code":"VALIDATION_ERROR"},"status":"FAILED"}""")]
    [InlineData(403, """{"error":{"message":"invalid token"},"status":"FAILED"}""")]
    public async Task A_refresh_token_that_is_refused_for_itself_is_not_sent_again_with_another_secret(int status, string body)
    {
        using var world = new ProviderWorld(("Providers:Finnotech:NextClientSecret", NextSecret));
        world.Http.Reply(status, body);

        (await world.Finnotech.RenewAsync(Finnotech, new("access-1", "refresh-1"), default)).ShouldHaveFailed(FailureKind.CredentialRejected);

        world.Http.Sent.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Once_the_next_one_is_refused_the_present_one_is_asked_again()
    {
        using var world = new ProviderWorld(("Providers:Finnotech:NextClientSecret", NextSecret));
        foreach (var (status, body) in new[] { (401, FinnotechRefuses), (200, FinnotechIssues), (401, FinnotechRefuses), (200, FinnotechIssues), (200, FinnotechIssues) })
        {
            world.Http.Reply(status, body);
        }

        for (var call = 1; call <= 3; call++)
        {
            await world.Finnotech.AcquireAsync(Finnotech, default);
        }

        world.Http.Sent.Select(Secret).ShouldBe([ProviderWorld.ClientSecret, NextSecret, NextSecret, ProviderWorld.ClientSecret, ProviderWorld.ClientSecret]);
    }

    [Fact]
    public void Next_credentials_are_shown_masked_count_as_settings_and_leave_time_for_two_calls()
    {
        using var before = new ProviderWorld();
        using var after = new ProviderWorld(("Providers:Jibit:NextSecretKey", NextSecret));

        after.Jibit.NextCredentials.ShouldHaveSingleItem().ShouldBe(new MaskedCredential("Providers__Jibit__NextSecretKey", true, "cret"));
        before.Jibit.NextCredentials.ShouldBeEmpty();
        after.Jibit.SettingsDigest.ShouldNotBe(before.Jibit.SettingsDigest);
        after.Jibit.Timeout.ShouldBe(2 * before.Jibit.Timeout);
    }

    [Fact]
    public void Each_type_says_which_setting_follows_which()
    {
        ProviderTypes.All.ToDictionary(type => type.Name, type => string.Join(",", type.Successions.Select(pair => $"{pair.Present.Name}>{pair.Next.Name}"))).ShouldBe(new Dictionary<string, string>
        {
            ["Jibit"] = "ApiKey>NextApiKey,SecretKey>NextSecretKey", ["Finnotech"] = "ClientSecret>NextClientSecret", ["OAuth2"] = "ClientSecret>NextClientSecret",
        });
    }

    private static string Secret(SentRequest sent) => Encoding.UTF8.GetString(Convert.FromBase64String(sent.Headers["Authorization"].Split(' ')[1])).Split(':')[1];
}
