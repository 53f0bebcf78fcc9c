using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>The people of the panel, for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class UsersModel(PanelUsers operators) : PanelPage
{
    /// <summary>Everybody, by name.</summary>
    public IReadOnlyList<PanelUser> People { get; private set; } = [];

    /// <summary>A password that was made up just now; no later page can show it.</summary>
    public (string Name, string Password)? Made { get; private set; }

    /// <summary>What was wrong with the last request.</summary>
    public string? Problem { get; private set; }

    /// <summary>What was typed, for the next try.</summary>
    public string? Typed { get; private set; }

    public bool IsMe(PanelUser person) => person.UserName == User.Identity!.Name;

    public Task OnGetAsync(CancellationToken cancellationToken) => LoadAsync(cancellationToken);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostAddAsync(string? name, Role? role, string? password, CancellationToken cancellationToken)
    {
        Typed = name;
        return WithPasswordAsync(name ?? "", password, chosen => operators.AddAsync(name ?? "", Chosen(role), chosen, Actor), $"Added {name}.", cancellationToken);
    }

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostResetAsync(string? name, string? password, CancellationToken cancellationToken) =>
        WithPasswordAsync(name ?? "", password, chosen => operators.ResetPasswordAsync(name ?? "", chosen, Actor), $"Password of \"{name}\" reset; all sessions ended.", cancellationToken);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostRoleAsync(string? name, Role? role, CancellationToken cancellationToken) =>
        OfOthersAsync(name, () => operators.SetRoleAsync(name!, Chosen(role), Actor), $"Role of \"{name}\" is now {role?.ToString().ToLowerInvariant()}; all sessions ended.", cancellationToken);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostDisableAsync(string? name, CancellationToken cancellationToken) =>
        OfOthersAsync(name, () => operators.DisableAsync(name!, Actor), $"User \"{name}\" disabled; all sessions ended.", cancellationToken);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostEnableAsync(string? name, CancellationToken cancellationToken) =>
        OfOthersAsync(name, () => operators.EnableAsync(name!, Actor), $"User \"{name}\" enabled.", cancellationToken);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostRemoveAsync(string? name, CancellationToken cancellationToken) =>
        OfOthersAsync(name, () => operators.RemoveAsync(name!, Actor), $"User \"{name}\" removed. Their actions stay in the log and the audit.", cancellationToken);

    // A password that was made up is shown on the very answer: anywhere else it would have to be kept.
    private async Task<IActionResult> WithPasswordAsync(string name, string? typed, Func<string, Task> act, string done, CancellationToken cancellationToken)
    {
        var password = string.IsNullOrEmpty(typed) ? PanelUsers.NewPassword() : typed;
        try
        {
            await act(password);
        }
        catch (PanelUserException error)
        {
            Problem = error.Message;
        }

        if (Problem is null && !string.IsNullOrEmpty(typed))
        {
            return Tell(new(true, done), Here);
        }

        Made = Problem is null ? (name, password) : null;
        Typed = Problem is null ? null : Typed;
        await LoadAsync(cancellationToken);
        return Page();
    }

    private async Task<IActionResult> OfOthersAsync(string? name, Func<Task> act, string done, CancellationToken cancellationToken)
    {
        try
        {
            if (string.IsNullOrEmpty(name) || string.Equals(name, User.Identity!.Name, StringComparison.OrdinalIgnoreCase))
            {
                throw new PanelUserException("This is your own account; another administrator can change it.");
            }

            await act();
            return Tell(new(true, done), Here);
        }
        catch (PanelUserException error)
        {
            Problem = error.Message;
            await LoadAsync(cancellationToken);
            return Page();
        }
    }

    private static Role Chosen(Role? role) => role ?? throw new PanelUserException("Choose a role: viewer, operator or admin.");

    private async Task LoadAsync(CancellationToken cancellationToken) => People = await operators.ListAsync(cancellationToken);

    private static string Here => PanelPaths.Users;
}
