using System.Globalization;
using System.Text;
using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class SandboxStorageTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Fact]
    public async Task No_token_and_no_credential_is_stored_in_clear()
    {
        var jibit = await Host.AcquireAsync();
        var renewed = JibitPair.Of(await Host.RefreshAsync(jibit));
        var finnotech = await Host.AcquireFinnotechAsync();
        var renewedFinnotech = FinnotechPair.Of(await Host.RenewAsync(finnotech.RefreshToken));

        var dump = await DumpAsync();

        string[] secrets =
        [
            jibit.AccessToken, jibit.RefreshToken, renewed.AccessToken, renewed.RefreshToken,
            finnotech.Value, finnotech.RefreshToken, renewedFinnotech.Value, renewedFinnotech.RefreshToken,
            "demoKey01", "demo-secret-not-real", "demo-app", "demo-secret-0001", "0099999988",
        ];
        foreach (var secret in secrets)
        {
            dump.ShouldNotContain(secret, Case.Sensitive);
            dump.ShouldNotContain(Convert.ToHexString(Encoding.UTF8.GetBytes(secret)), Case.Insensitive);
        }

        dump.ShouldContain("refresh");
    }

    [Fact]
    public async Task Two_nodes_are_one_provider()
    {
        await using var other = await SandboxHost.StartAsync(ConnectionString, Clock);
        var pair = await Host.AcquireAsync();

        var renewed = JibitPair.Of(await other.RefreshAsync(pair));

        (await Host.RefreshAsync(pair)).Code.ShouldBe("refreshToken.not_valid");
        (await Host.BalancesAsync(renewed.AccessToken)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_behaviour_holds_on_every_node_and_after_a_restart()
    {
        await BehaveAsync("jibit", """{"mode":"503"}""");

        await using var other = await SandboxHost.StartAsync(ConnectionString, Clock);

        (await other.GenerateAsync()).Status.ShouldBe(503);
    }

    [Fact]
    public async Task Many_nodes_may_come_first_at_once()
    {
        var hosts = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => SandboxHost.StartAsync(ConnectionString, Clock)));

        var answers = await Task.WhenAll(hosts.SelectMany(host => (Task<Answer>[])[host.GenerateAsync(), host.TokenAsync(FinnotechCalls.Credentials)]));

        answers.ShouldAllBe(answer => answer.Status == 200);
        await Task.WhenAll(hosts.Select(host => host.DisposeAsync().AsTask()));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"rotate":false}""")]
    public async Task Of_many_refreshes_with_one_Jibit_token_at_once_exactly_one_wins(string behaviour)
    {
        await BehaveAsync("jibit", behaviour);
        await using var other = await SandboxHost.StartAsync(ConnectionString, Clock);
        var pair = await Host.AcquireAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(turn => (turn % 2 == 0 ? Host : other).RefreshAsync(pair)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.Status == 401);
    }

    [Fact]
    public async Task Of_many_refreshes_with_one_Finnotech_token_at_once_exactly_one_wins()
    {
        await using var other = await SandboxHost.StartAsync(ConnectionString, Clock);
        var pair = await Host.AcquireFinnotechAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(turn => (turn % 2 == 0 ? Host : other).RenewAsync(pair.RefreshToken)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.Error == "VALIDATION_ERROR: invalid token");
    }

    [Fact]
    public async Task A_pair_of_which_nothing_lives_is_forgotten()
    {
        await Host.AcquireAsync();
        Clock.Advance(TimeSpan.FromHours(49));

        await Host.AcquireAsync();

        (await CountAsync()).ShouldBe(2);
    }

    private async Task<long> CountAsync()
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        await using var command = source.CreateCommand("SELECT count(*) FROM sandbox.tokens");
        return (long)(await command.ExecuteScalarAsync(Stop))!;
    }

    /// <summary>Every row of the sandbox's schema as text; bytes show as hexadecimal digits.</summary>
    private async Task<string> DumpAsync()
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        var dump = new StringBuilder();
        foreach (var table in await ReadAsync(source, "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'sandbox'"))
        {
            dump.AppendJoin('\n', await ReadAsync(source, string.Create(CultureInfo.InvariantCulture, $"SELECT t::text FROM {table} t")));
        }

        return dump.ToString();
    }

    private static async Task<List<string>> ReadAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var row = await command.ExecuteReaderAsync(Stop);
        var rows = new List<string>();
        while (await row.ReadAsync(Stop))
        {
            rows.Add(row.GetString(0));
        }

        return rows;
    }
}
