using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Access.Oidc;

/// <summary>What came of a company sign-in.</summary>
internal abstract record CompanySignIn
{
    private CompanySignIn()
    {
    }

    public sealed record Accepted(PanelUser Person) : CompanySignIn;

    public sealed record Refused(OidcProblem Problem) : CompanySignIn;
}

/// <summary>
/// The accounts of people whom the identity provider has named. An account belongs to one subject of one issuer for good; the name is only what others read, so it
/// is taken once, at the first sign-in. The role follows the claim at each.
/// </summary>
internal sealed class CompanyAccounts(UserManager<PanelUser> users, PanelUsersDbContext db, IOptions<OidcOptions> options, TimeProvider clock)
{
    /// <summary>The claims of the ID token that an account is known by.</summary>
    public const string Issuer = "iss", Subject = "sub";

    /// <summary>Who makes and changes these accounts, in the audit.</summary>
    private const string Actor = "oidc";

    /// <summary>The claims that a name is taken from; the first that the person has.</summary>
    private static readonly string[] Names = ["preferred_username", "email", Subject];

    /// <summary>Finds or makes the account of a verified ID token, and writes the sign-in down.</summary>
    /// <exception cref="PanelUserException">The account cannot be stored.</exception>
    public async Task<CompanySignIn> EnterAsync(ClaimsPrincipal claims, CancellationToken cancellationToken)
    {
        await using var transaction = await PanelUsers.BeginChangeAsync(db, cancellationToken);
        var (issuer, subject) = (claims.FindFirstValue(Issuer)!, claims.FindFirstValue(Subject)!);
        var known = await users.FindByLoginAsync(issuer, subject);
        var role = options.Value.RoleOf(claims.FindAll(options.Value.RoleClaim).Select(claim => claim.Value));
        if (role is null)
        {
            await EndSessionsAsync(known);
            await transaction.CommitAsync(cancellationToken);
            return Refused(OidcProblemKind.NoRole, known?.UserName);
        }

        if (known is { DisabledAt: not null })
        {
            return Refused(OidcProblemKind.Disabled, known.UserName);
        }

        if (known is null)
        {
            // Not under another name either: two people of one name could not be told apart in the audit.
            var name = PanelUserNames.Fit(Names.Select(claims.FindFirstValue).First(value => !string.IsNullOrWhiteSpace(value))!);
            if (await users.FindByNameAsync(name) is not null)
            {
                return Refused(OidcProblemKind.NameTaken, name);
            }

            known = await AddAsync(name, role.Value, new(issuer, subject, Actor));
        }

        await FollowAsync(known, role.Value);
        known.LastSignInAt = clock.GetUtcNow();
        db.Add(AuditEntry.Of(clock.GetUtcNow(), $"user:{known.UserName}", "user.signed_in", known.UserName!, new { by = Actor }));
        PanelUsers.Check(await users.UpdateAsync(known));
        await transaction.CommitAsync(cancellationToken);
        return new CompanySignIn.Accepted(known);
    }

    private async Task<PanelUser> AddAsync(string name, Role role, UserLoginInfo login)
    {
        var person = new PanelUser { UserName = name, Role = role, CreatedAt = clock.GetUtcNow() };
        PanelUsers.Check(await users.CreateAsync(person));
        PanelUsers.Check(await users.AddLoginAsync(person, login));
        db.Add(AuditEntry.Of(clock.GetUtcNow(), Actor, "user.added", name, new { role = Word(role), issuer = login.LoginProvider }));
        return person;
    }

    // Other sessions hold the old role, so they end.
    private async Task FollowAsync(PanelUser person, Role role)
    {
        if (person.Role != role)
        {
            db.Add(AuditEntry.Of(clock.GetUtcNow(), Actor, "user.role_changed", person.UserName!, new { from = Word(person.Role), to = Word(role) }));
            person.Role = role;
            PanelUsers.Check(await users.UpdateSecurityStampAsync(person));
        }
    }

    // What the identity provider has just taken away must not live on in another browser.
    private async Task EndSessionsAsync(PanelUser? person)
    {
        if (person is not null)
        {
            PanelUsers.Check(await users.UpdateSecurityStampAsync(person));
        }
    }

    private static CompanySignIn.Refused Refused(OidcProblemKind kind, string? name) => new(new OidcProblem(kind, name));

    private static string Word(Role role) => role.ToString().ToLowerInvariant();
}
