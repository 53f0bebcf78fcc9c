using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>Which tokens a list shows; what is null is not asked.</summary>
internal sealed record TokenFilter(string? Provider, TokenState? State, string? Text, RenewedBy? By)
{
    private const int LongestShown = 50;

    private static readonly string[] Known = ["provider", "state", "text", "by", "sort", IndexModel.SkipKey, IndexModel.AfterKey, "handler"];

    /// <summary>True where anything is asked.</summary>
    public bool IsAsked => !string.IsNullOrEmpty(Provider) || State is not null || !string.IsNullOrWhiteSpace(Text) || By is not null;

    /// <summary>What an address asks and no list understands: a filter that there is not, or a value that it does not have.</summary>
    /// <param name="read">What came of reading the values.</param>
    public static IReadOnlyList<string> Misunderstood(IQueryCollection query, ModelStateDictionary read) =>
    [
        .. query.Where(pair => !Known.Contains(pair.Key, StringComparer.OrdinalIgnoreCase) || (read.TryGetValue(pair.Key, out var value) && value.ValidationState == ModelValidationState.Invalid))
            .Select(pair => Cut($"{pair.Key}: {pair.Value}")),
    ];

    /// <summary>What an address asks of a list, for another page with the same filter; without what a button does.</summary>
    public static QueryBuilder Kept(IQueryCollection query) =>
        new(query.Where(pair => !pair.Key.Equals("handler", StringComparison.OrdinalIgnoreCase)).SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? "")));

    /// <summary>True for a token that fits.</summary>
    public bool Fits(TokenView token) =>
        (string.IsNullOrEmpty(Provider) || token.Settings.Provider.Name.Equals(Provider, StringComparison.OrdinalIgnoreCase))
        && (State is null || token.State == State)
        && (By is null || token.RenewedBy == By)
        && (Text?.Trim() is not { Length: > 0 } text
            || token.Name.Contains(text, StringComparison.OrdinalIgnoreCase)
            || token.Settings.Order.Scopes.Any(scope => scope.Contains(text, StringComparison.OrdinalIgnoreCase)));

    /// <summary>The same for the database.</summary>
    public TokenQuery Query(int limit, string? after = null) => new(limit)
    {
        Provider = string.IsNullOrEmpty(Provider) ? null : Provider, State = State, Text = Text?.Trim(), By = By, After = after,
    };

    private static string Cut(string text) => text.Length <= LongestShown ? text : $"{Texts.Start(text, LongestShown)}…";
}
