using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>A page of tokens in the order of their names; what is null is not asked. Pages follow one another by the last name of the one before, so that the deepest costs what the first does.</summary>
/// <param name="Limit">The most on the page.</param>
public sealed record TokenQuery(int Limit)
{
    // As TokenView.RenewedBy.
    private const string WaitsForPerson = "coalesce(tokens.last_error_code = ANY ({5}), false)", IsImported = "(tokens.\"grant\" = 'Imported')",
        HasLiveRefreshToken = "(tokens.refresh_token IS NOT NULL AND (tokens.refresh_expires_at IS NULL OR tokens.refresh_expires_at > {4}))";

    /// <summary>Only this provider's.</summary>
    public string? Provider { get; init; }

    /// <summary>Only in this state.</summary>
    public TokenState? State { get; init; }

    /// <summary>Only those that need attention, as <see cref="TokenView.IsWell"/> has it.</summary>
    public bool IsUnwell { get; init; }

    /// <summary>Only those whose name contains this, or one of whose scopes does.</summary>
    public string? Text { get; init; }

    /// <summary>Only those that have these labels.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>Only those of the subject that has this keyed hash.</summary>
    public string? SubjectHash { get; init; }

    /// <summary>Only those that fit.</summary>
    public TokenPatterns? Patterns { get; init; }

    /// <summary>Only those that it renews.</summary>
    public RenewedBy? By { get; init; }

    /// <summary>The last name of the page before; null for the first page.</summary>
    public string? After { get; init; }

    /// <summary>True where nothing is asked but the first page of all.</summary>
    public bool IsAll => (Provider, State, IsUnwell, Text, SubjectHash, Patterns, By, After) is (null, null, false, null or "", null, null, null, null) && Labels is null or { Count: 0 };

    /// <summary>The names of the page, in its order.</summary>
    /// <param name="facts">As <see cref="TokenStateSql.Parameters"/>.</param>
    internal async Task<IReadOnlyList<string>> NamesAsync(TokenRefreshDbContext db, object[] facts, CancellationToken cancellationToken)
    {
        List<object> values = [.. facts];
        var sql = new StringBuilder($"WITH {TokenStateSql.Providers} SELECT tokens.name AS \"Value\" FROM tokens LEFT JOIN facts ON facts.provider = tokens.provider WHERE tokens.origin <> 'undeclared'");
        if (Provider is { } provider)
        {
            sql.Append($" AND tokens.provider = {Value(provider.ToLowerInvariant())}");
        }

        if (State is { } state)
        {
            sql.Append($" AND {TokenStateSql.State} = {Value(state.Code())}");
            sql.Append(state == TokenState.Healthy ? "" : $" AND {TokenStateSql.MayBeUnwell}");
        }

        if (IsUnwell)
        {
            sql.Append($" AND {TokenStateSql.IsUnwell}");
        }

        if (Text is { Length: > 0 } text && Value(LikePattern.Containing(text)) is var like)
        {
            sql.Append($" AND (tokens.name ILIKE {like} OR EXISTS (SELECT FROM unnest(tokens.scopes) AS scope WHERE scope ILIKE {like}))");
        }

        if (Labels is { Count: > 0 } labels)
        {
            sql.Append($" AND tokens.labels <> '{{{{}}}}' AND tokens.labels @> {Value(JsonSerializer.Serialize(labels))}::jsonb");
        }

        if (SubjectHash is { } hash)
        {
            sql.Append($" AND tokens.subject_hash = {Value(hash)}");
        }

        if (Patterns is { IsEverything: false } patterns)
        {
            sql.Append($" AND tokens.name LIKE ANY ({Value(patterns.Likes)})");
        }

        if (By is { } by)
        {
            sql.Append(by switch
            {
                RenewedBy.Person => $" AND ({WaitsForPerson} OR ({IsImported} AND NOT {HasLiveRefreshToken}))",
                RenewedBy.RefreshToken => $" AND NOT {WaitsForPerson} AND {IsImported} AND {HasLiveRefreshToken}",
                _ => $" AND NOT {WaitsForPerson} AND NOT {IsImported}",
            });
        }

        if (After is { } after)
        {
            sql.Append($" AND tokens.name > {Value(after)}");
        }

        sql.Append($" ORDER BY tokens.name LIMIT {Value(Limit)}");
        return await db.Database.SqlQueryRaw<string>(sql.ToString(), [.. values]).ToListAsync(cancellationToken);

        string Value(object value)
        {
            values.Add(value);
            return $"{{{values.Count - 1}}}";
        }
    }
}
