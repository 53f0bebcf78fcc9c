using System.Collections.Concurrent;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>
/// The highest version of each token that this node has read or stored. A database may go back in time (a failover that lost commits, a restored backup);
/// programs must not get a second token under a version that they have seen.
/// </summary>
public sealed class TokenVersions
{
    /// <summary>Added where the database went back in time: another node may have served later versions than this one has heard of.</summary>
    internal const long Gap = 1000;

    private readonly ConcurrentDictionary<string, long> highest = new(StringComparer.Ordinal);

    /// <summary>The highest known version of a token; 0 for none.</summary>
    public long HighestOf(string token) => highest.GetValueOrDefault(token);

    /// <summary>Notes a version that was read or stored.</summary>
    public void Note(string token, long version)
    {
        if (version > HighestOf(token))
        {
            highest.AddOrUpdate(token, version, (_, known) => Math.Max(known, version));
        }
    }

    /// <summary>This node holds the token no more.</summary>
    internal void Forget(string token) => highest.TryRemove(token, out _);

    /// <summary>The version of the next token that is stored where <paramref name="stored"/> is.</summary>
    public long After(string token, long stored) => HighestOf(token) is var known && stored < known ? known + Gap : stored + 1;
}
