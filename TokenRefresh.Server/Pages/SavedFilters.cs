using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>A filter of the tokens that a person gave a name.</summary>
/// <param name="Query">As it stands in the address, with its question mark.</param>
internal sealed record SavedFilter(string Name, string Query);

/// <summary>The filters that a person saved, kept with the account.</summary>
internal sealed class SavedFilters(UserManager<PanelUser> users, SignInManager<PanelUser> signIn)
{
    /// <summary>The most characters of a name.</summary>
    public const int LongestName = 40;

    // They travel in the cookie, which browsers and proxies limit.
    private const int Most = 8, LongestQuery = 200;

    private const string Claim = "panel_filter";

    /// <summary>Those of a person, by name.</summary>
    public static IReadOnlyList<SavedFilter> Of(ClaimsPrincipal user) =>
        [.. user.FindAll(Claim).Select(claim => claim.Value.Split('\n')).Where(parts => parts.Length == 2).Select(parts => new SavedFilter(parts[0], parts[1])).OrderBy(filter => filter.Name, StringComparer.CurrentCultureIgnoreCase)];

    /// <summary>Saves a filter; one of that name is replaced.</summary>
    public async Task<FlashMessage> SaveAsync(ClaimsPrincipal user, string? name, string query)
    {
        if (name?.Trim() is not { Length: > 0 and <= LongestName } asked || asked.Any(char.IsControl))
        {
            return new(false, $"Enter a name of at most {LongestName} characters for the filter.");
        }

        if (query.Length is < 2 or > LongestQuery)
        {
            return new(false, "Choose a filter first, and then save it.");
        }

        if (await users.GetUserAsync(user) is not { } person)
        {
            return new(false, "Sign in again.");
        }

        var kept = Of(user);
        if (kept.Count >= Most && kept.All(filter => filter.Name != asked))
        {
            return new(false, $"{Most} filters are saved already. Remove one first.");
        }

        await RemoveAsync(person, asked);
        await users.AddClaimAsync(person, new(Claim, $"{asked}\n{query}"));
        await signIn.RefreshSignInAsync(person);
        return new(true, $"Saved the filter {asked}.");
    }

    /// <summary>Removes a filter.</summary>
    public async Task<FlashMessage> RemoveAsync(ClaimsPrincipal user, string? name)
    {
        if (await users.GetUserAsync(user) is not { } person || name is null || !await RemoveAsync(person, name))
        {
            return new(false, "There is no such filter.");
        }

        await signIn.RefreshSignInAsync(person);
        return new(true, $"Removed the filter {name}.");
    }

    private async Task<bool> RemoveAsync(PanelUser person, string name)
    {
        var found = (await users.GetClaimsAsync(person)).Where(claim => claim.Type == Claim && claim.Value.StartsWith(name + "\n", StringComparison.Ordinal)).ToList();
        await users.RemoveClaimsAsync(person, found);
        return found.Count > 0;
    }
}
