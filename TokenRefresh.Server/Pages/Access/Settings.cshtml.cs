using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Access.Oidc;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>How the program is set up: users, sign-in, notifications, objective, encryption; and on a phone the way to the pages that its bar has no room for.</summary>
internal sealed class SettingsModel(
    PanelUsers users, NotificationReadinessReader readiness, IOptions<ObjectiveOptions> objective, IOptions<OidcOptions> oidc, KeyRing keys,
    IOptions<IdentityOptions> identity, IOptionsMonitor<CookieAuthenticationOptions> cookies) : PanelPage
{
    /// <summary>How many may sign in.</summary>
    public int Users { get; private set; }

    /// <summary>Whether people can be notified.</summary>
    public NotificationReadiness Readiness { get; private set; } = null!;

    /// <summary>The freshness objective.</summary>
    public ObjectiveOptions Objective => objective.Value;

    /// <summary>Sign-in by the company's identity provider.</summary>
    public OidcOptions Oidc => oidc.Value;

    /// <summary>What wrong passwords lead to.</summary>
    public LockoutOptions Lockout => identity.Value.Lockout;

    /// <summary>How long an unused session lasts.</summary>
    public TimeSpan SignedInFor => cookies.Get(IdentityConstants.ApplicationScheme).ExpireTimeSpan;

    /// <summary>The key that seals tokens now, by its id; null for those who do not manage it.</summary>
    public string? SealingKey => May(Role.Admin) ? $"{keys.SealingKey}" : null;

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Users = (await users.ListAsync(cancellationToken)).Count(person => person.DisabledAt is null);
        Readiness = await readiness.ReadAsync(cancellationToken);
    }
}
