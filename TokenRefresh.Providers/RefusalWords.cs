using System.Text;
using System.Text.RegularExpressions;

namespace TokenRefresh.Providers;

/// <summary>
/// The words in which servers of tokens refuse, in one spelling, and what each of them means. The only list: a new word gets a line here and a
/// row in its test.
/// </summary>
internal static partial class RefusalWords
{
    /// <summary>Codes with one meaning, whatever the status and the text beside them.</summary>
    private static readonly Dictionary<string, FailureKind> ByCode = new(StringComparer.Ordinal)
    {
        ["slow down"] = FailureKind.RateLimited,

        // The grant: the refresh token, or the consent behind it, is no longer valid.
        ["invalid grant"] = FailureKind.GrantRevoked,
        ["invalid token"] = FailureKind.GrantRevoked,
        ["expired token"] = FailureKind.GrantRevoked,
        ["token expired"] = FailureKind.GrantRevoked,
        ["token revoked"] = FailureKind.GrantRevoked,
        ["interaction required"] = FailureKind.GrantRevoked,
        ["consent required"] = FailureKind.GrantRevoked,
        ["login required"] = FailureKind.GrantRevoked,
        ["account selection required"] = FailureKind.GrantRevoked,
        ["mfa required"] = FailureKind.GrantRevoked,
        ["reauth required"] = FailureKind.GrantRevoked,
        ["reauthentication required"] = FailureKind.GrantRevoked,
        ["reauthorization required"] = FailureKind.GrantRevoked,
        ["invalid rapt"] = FailureKind.GrantRevoked,

        // The client: id, secret or the client as a whole.
        ["invalid client"] = FailureKind.CredentialRejected,
        ["disabled client"] = FailureKind.CredentialRejected,
        ["deleted client"] = FailureKind.CredentialRejected,
        ["client disabled"] = FailureKind.CredentialRejected,
        ["client deleted"] = FailureKind.CredentialRejected,
        ["client not found"] = FailureKind.CredentialRejected,
        ["unknown client"] = FailureKind.CredentialRejected,
        ["invalid client id"] = FailureKind.CredentialRejected,
        ["invalid client secret"] = FailureKind.CredentialRejected,
        ["invalid credentials"] = FailureKind.CredentialRejected,
        ["bad credentials"] = FailureKind.CredentialRejected,
        ["unauthorized"] = FailureKind.CredentialRejected,

        // What we ask for.
        ["invalid request"] = FailureKind.Configuration,
        ["unauthorized client"] = FailureKind.Configuration,
        ["access denied"] = FailureKind.Configuration,
        ["unsupported grant type"] = FailureKind.Configuration,
        ["invalid scope"] = FailureKind.Configuration,
        ["invalid target"] = FailureKind.Configuration,

        ["temporarily unavailable"] = FailureKind.ProviderDown,
        ["server error"] = FailureKind.ProviderDown,
    };

    /// <summary>Of the codes above those that leave open what is wrong, so that the text beside them, and the status, say more.</summary>
    private static readonly HashSet<string> Vague = ["invalid request", "unauthorized client", "access denied"];

    /// <summary>An invalid grant in a renewal; without a refresh token they mean that our settings ask for what only a person can give.</summary>
    private static readonly HashSet<string> NeedsPerson = ["interaction required", "consent required", "login required", "account selection required", "mfa required"];

    /// <summary>What a code means; null where it is not on the list.</summary>
    /// <param name="isRenewal">If true, an invalid grant concerns the refresh token; else the client itself or our settings were refused.</param>
    public static FailureKind? OfCode(string? code, bool isRenewal) =>
        code is null || !ByCode.TryGetValue(InOneSpelling(code), out var kind) ? null
        : kind != FailureKind.GrantRevoked || isRenewal ? kind
        : NeedsPerson.Contains(InOneSpelling(code)) ? FailureKind.Configuration
        : InOneSpelling(code) == "invalid grant" ? FailureKind.CredentialRejected
        : null;

    /// <summary>What a code means of a provider that has codes of its own; null where it says nothing there.</summary>
    public static FailureKind? OfForeignCode(string? code, int status) => code is null || status is >= 500 or 408 ? null
        : MeanTooSoon(code) ? FailureKind.RateLimited
        : status == 401 && IsDenied(code) ? FailureKind.CredentialRejected
        : OfCode(code, isRenewal: false) is FailureKind.CredentialRejected or FailureKind.ProviderDown ? OfCode(code, isRenewal: false)
        : IsDenied(code) ? FailureKind.Configuration
        : null;

    /// <summary>Not allowed: with a 401, as a widely used server says it, the client's secret is wrong; else it may not ask so, or not from this address.</summary>
    public static bool IsDenied(string code) => InOneSpelling(code) == "access denied";

    /// <summary>True if the text may say something else than the code: the code is vague or unknown.</summary>
    public static bool IsVague(string? code) => code is null || InOneSpelling(code) is var words && (Vague.Contains(words) || !ByCode.ContainsKey(words));

    /// <summary>The code means an invalid grant.</summary>
    public static bool IsOfGrant(string code) => OfCode(code, isRenewal: true) == FailureKind.GrantRevoked;

    /// <summary>A client that may not ask so, by RFC 6749; one with a wrong secret, by a widely used server's 401.</summary>
    public static bool IsUnauthorizedClient(string code) => InOneSpelling(code) == "unauthorized client";

    /// <summary>Too many calls, or too early: later the same call works.</summary>
    public static bool MeanTooSoon(string text)
    {
        var words = InOneSpelling(text);
        return TooMany().IsMatch(words) || (TooEarly().IsMatch(words) && !Advice().IsMatch(words));
    }

    /// <summary>The text says that the refresh token or its grant is invalid.</summary>
    public static bool NameDeadGrant(string text)
    {
        var words = InOneSpelling(text);
        return DeadGrant().IsMatch(words) || (NameRefreshToken(text) && Dead().IsMatch(words));
    }

    /// <summary>The refresh token is named, and not because it was not sent or the client may not use any.</summary>
    public static bool NameRefreshToken(string text)
    {
        var words = OrMissing().Replace(InOneSpelling(text), " ");
        return RefreshToken().IsMatch(words) && !NotSent().IsMatch(words) && !MayNotAskSo().IsMatch(words);
    }

    /// <summary>The client's id or secret is named as wrong.</summary>
    public static bool NameWrongClient(string text) => WrongClient().IsMatch(InOneSpelling(text));

    /// <summary>Lower case, one blank between words: <c>INVALID_GRANT</c>, <c>invalidGrant</c> and <c>Invalid grant.</c> are one.</summary>
    public static string InOneSpelling(string text)
    {
        var words = new StringBuilder(text.Length);
        var before = ' ';
        foreach (var sign in text)
        {
            if (!char.IsLetterOrDigit(sign))
            {
                Part();
            }
            else
            {
                if (char.IsUpper(sign) && (char.IsLower(before) || char.IsDigit(before)))
                {
                    Part();
                }

                words.Append(char.ToLowerInvariant(sign));
            }

            before = sign;
        }

        return words.ToString().TrimEnd();

        void Part()
        {
            if (words.Length > 0 && words[^1] != ' ')
            {
                words.Append(' ');
            }
        }
    }

    [GeneratedRegex(@"\b(rate ?limit|throttl|too many (active |refresh |access )*(requests|attempts|calls|tries|tokens)|quota (has been |was |is )?exceeded|exceeded .*\bquota|(request|call) limit (exceeded|reached))")]
    private static partial Regex TooMany();

    [GeneratedRegex(@"\b(not (yet |been )*expired|(hasn|isn|wasn) t (yet |been )*expired|tokens? (is|are) still (valid|active)|too (early|soon|often|frequent|frequently))\b")]
    private static partial Regex TooEarly();

    // "Make sure that it is not expired" says the contrary, and so does "invalid" beside it.
    [GeneratedRegex(@"\b(check|ensure|sure|verify|confirm|whether|must|should|provide|use|invalid|revoked|unknown|bad|malformed)\b")]
    private static partial Regex Advice();

    [GeneratedRegex(@"\brefresh ?tokens?\b")]
    private static partial Regex RefreshToken();

    [GeneratedRegex(@"\b(invalid|invalidated|expired|revoked|reused?|re used|used|unknown|not found|not valid|isn t valid|no longer|bad|inactive|not active|malformed|(does not|doesn t) exist|(not |un)recogni[sz]ed|disabled|deleted|blacklisted|blocked|denied|rejected|incorrect|wrong|mismatch|(does not|doesn t|not) match|consumed|rotated|superseded|replayed?|(cannot|can not|can t) be used|not issued|(does not|doesn t|not) belong|belongs to|withdrawn|removed|stale|dead|too old)\b")]
    private static partial Regex Dead();

    [GeneratedRegex(@"\b((?<!client )grant|consent|session|authori[sz]ation|access) (is |was |were |has |have |had )?(been )?(invalid|expired|revoked|unknown|not found|not active|inactive|no longer|withdrawn|terminated|deleted|removed)\b|\b(invalid|expired|revoked|unknown|inactive) (authori[sz]ation )?(grant(?! type)|session|consent)\b|\b(user|owner|customer) (has |have )?(revoked|withdrawn|withdrew|removed|deauthori[sz]ed|uninstalled)\b|\buser (account )?(is |was |has been )?(disabled|deleted|deactivated|suspended|blocked|not found|inactive)\b|\bstale token\b|(?<!\b(access|id|csrf|bearer|assertion|client|actor|subject|registration) )\btoken (is |was |has |have )?(been )?(invalid|invalidated|expired|revoked|inactive|not active|not found|not valid|no longer)\b|\b(invalid|expired|revoked) token\b(?! (type|endpoint|request|url|format))|\b(consent|interaction|login|reauthentication|reauthori[sz]ation) (is )?required\b")]
    private static partial Regex DeadGrant();

    [GeneratedRegex(@"\bmissing or\b|\bor (is )?missing\b")]
    private static partial Regex OrMissing();

    // Then the fault is ours, and the refresh token may be good.
    [GeneratedRegex(@"\bmissing\b|\brefresh ?token (parameter |field |value )?(is )?required\b|\brequired (parameter|field|property|argument)s?\b|\brequires (a |the )?(valid )?refresh ?token\b|\bnot (been )?(sent|provided|supplied|present|specified|given)\b|\bmust be (sent|provided|supplied|present|specified|given)\b")]
    private static partial Regex NotSent();

    [GeneratedRegex(@"\bgrant ?types?\b|\b(use|using|issue|request|obtain|receive) (a |the |of )?refresh ?tokens?\b")]
    private static partial Regex MayNotAskSo();

    [GeneratedRegex(@"\b(invalid|incorrect|wrong|bad|unknown|expired) (oauth2? )?client\b(?! (assertion|type|metadata))|\bclient (id |secret |credentials? |authentication )?(or client (secret|credentials?) )?(is |are |was |were |has |have )?(been )?(invalid|incorrect|wrong|expired|failed|mismatch|unknown|not (found|valid|match))\b")]
    private static partial Regex WrongClient();
}
