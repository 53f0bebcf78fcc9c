using System.Globalization;
using System.Text.RegularExpressions;
using Hangfire.PostgreSql;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Hosting;

/// <summary>Installs Hangfire's tables under the same lock as our own.</summary>
internal sealed partial class HangfireSchema(NpgsqlDataSource source, TablesSchema schema, IDbContextFactory<TokenRefreshDbContext> contexts) : IDatabaseStep
{
    /// <summary>The number of the installer's last script, which it leaves in the database.</summary>
    private static readonly int Newest = typeof(PostgreSqlObjectsInstaller).Assembly.GetManifestResourceNames()
        .Select(name => ScriptName().Match(name)).Where(name => name.Success).Max(name => int.Parse(name.Groups[1].Value, CultureInfo.InvariantCulture));

    private const string LikeOursSql =
        """
        SELECT quote_ident(n.nspname) FROM pg_namespace n
        WHERE has_schema_privilege(n.oid, 'USAGE') AND EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'jobparameter')
          AND EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'hash' AND relkind = 'r' AND has_table_privilege(oid, 'SELECT'))
        """;

    private static readonly string[] Tables = ["aggregatedcounter", "counter", "hash", "job", "jobparameter", "jobqueue", "list", "lock", "schema", "server", "set", "state"];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);

        // The installer asks for the right to make a schema before it sees that there is one.
        if (!await IsCurrentAsync(connection, cancellationToken))
        {
            await schema.ChangeAsync(connection, () => Task.Run(() => PostgreSqlObjectsInstaller.Install(connection, HangfireRegistration.Schema), cancellationToken));
        }

        await CheckTablesAsync(cancellationToken);
    }

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        if (!await IsCurrentAsync(connection, cancellationToken))
        {
            throw new OlderSchemaException(connection.Database, $"Hangfire's {Newest}");
        }

        await CheckTablesAsync(cancellationToken);
    }

    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var version = await VersionAsync(connection, cancellationToken);
        return version == 0 && await ElsewhereAsync(connection, cancellationToken) is { } elsewhere
            ? throw new SchemaException(
                $"This program's Hangfire tables are in the schema {elsewhere} instead of {HangfireRegistration.Schema}. Rename it back with: ALTER SCHEMA {elsewhere} RENAME TO {HangfireRegistration.Schema}; or drop it with its jobs if it is not needed.")
            : version >= Newest;
    }

    private async Task CheckTablesAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await new TablesSchema(HangfireRegistration.Schema).CheckAsync(db, Tables, cancellationToken);
    }

    private static async Task<int> VersionAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var isThere = new NpgsqlCommand($"SELECT to_regclass('{HangfireRegistration.Schema}.schema') IS NOT NULL", connection);
        if (!(bool)(await isThere.ExecuteScalarAsync(cancellationToken))!)
        {
            return 0;
        }

        await using var version = new NpgsqlCommand($"SELECT coalesce(max(version), 0) FROM {HangfireRegistration.Schema}.schema", connection);
        return (int)(await version.ExecuteScalarAsync(cancellationToken))!;
    }

    // Another program's Hangfire may be in the same database; it has not our recurring jobs.
    private static async Task<string?> ElsewhereAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var schemas = new List<string>();
        await using (var like = new NpgsqlCommand(LikeOursSql, connection))
        await using (var rows = await like.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                schemas.Add(rows.GetString(0));
            }
        }

        foreach (var schema in schemas)
        {
            await using var ours = new NpgsqlCommand($"SELECT EXISTS (SELECT FROM {schema}.hash WHERE key = $1)", connection) { Parameters = { new() { Value = $"recurring-job:{RecurringJobIds.DueTokenRefresh}" } } };
            if ((bool)(await ours.ExecuteScalarAsync(cancellationToken))!)
            {
                return schema;
            }
        }

        return null;
    }

    [GeneratedRegex(@"\.Install\.v(\d+)\.sql$")]
    private static partial Regex ScriptName();
}
