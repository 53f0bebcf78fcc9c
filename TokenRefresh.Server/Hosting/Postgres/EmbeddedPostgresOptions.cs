namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>Where the private cluster lives and with what it runs.</summary>
/// <param name="DataDirectory">The data folder; the cluster is its folder <c>postgres</c>.</param>
/// <param name="BinDirectory">The folder that holds initdb, pg_ctl and postgres; null to look for one.</param>
internal sealed record EmbeddedPostgresOptions(string DataDirectory, string? BinDirectory)
{
    /// <summary>False where a cluster or a database that is not there is not made either.</summary>
    public bool MayCreate { get; init; } = true;

    /// <summary>Further lines for <c>postgresql.conf</c> of a new cluster.</summary>
    public IReadOnlyList<string> ExtraSettings { get; init; } = [];
}

/// <summary>The cluster cannot be used; the message is one line that says what to do.</summary>
internal sealed class EmbeddedPostgresException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>True where there is no cluster, and none was to be made.</summary>
    public bool IsMissing { get; init; }

    /// <summary>True where a person has named a folder that holds no server.</summary>
    public bool IsWrongSetting { get; init; }
}
