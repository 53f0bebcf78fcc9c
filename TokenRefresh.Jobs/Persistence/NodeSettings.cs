namespace TokenRefresh.Jobs.Persistence;

/// <summary>Which settings a process works with, as keyed digests: who reads the table can tell which keys differ, and try no value without the master key.</summary>
internal sealed class NodeSettings
{
    /// <summary>A node's name, or <c>cli:USER@MACHINE</c> for a verb.</summary>
    public string Name { get; init; } = "";

    /// <summary>True for a server, false for a verb.</summary>
    public bool IsServer { get; init; }

    /// <summary>When a server was last seen alive, or a verb was called; by the database's clock.</summary>
    public DateTimeOffset SeenAt { get; init; }

    /// <summary>Of all settings together, so that equal ones are known without reading them.</summary>
    public string Digest { get; init; } = "";

    /// <summary>A JSON object: the digest of each value by its key.</summary>
    public string Digests { get; init; } = "{}";
}
