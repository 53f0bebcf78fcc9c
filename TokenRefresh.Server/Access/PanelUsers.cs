using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Access;

/// <summary>What was wrong with a request about a person; the message says what to do.</summary>
internal sealed class PanelUserException(string message) : Exception(message);

/// <summary>Adds people, lists them, changes what they may do, and lets them go. Every change is in the audit.</summary>
internal sealed class PanelUsers(UserManager<PanelUser> users, PanelUsersDbContext db, IOptions<AccessOptions> options, TimeProvider clock)
{
    /// <summary>No password is shorter; nothing else is asked of one, because length is what counts.</summary>
    public const int LeastPassword = 12;

    /// <summary>No password is longer: the sign-in looks at none that is.</summary>
    public const int MostPassword = 256;

    private const string FirstName = "admin";

    /// <summary>Any constant will do that no other lock of this program has.</summary>
    private const long LockId = 7_245_001_183_640_025;

    /// <summary>Everybody, by name.</summary>
    public Task<List<PanelUser>> ListAsync(CancellationToken cancellationToken) => users.Users.AsNoTracking().OrderBy(person => person.UserName).ToListAsync(cancellationToken);

    /// <summary>Creates the first administrator if there is no user yet.</summary>
    /// <returns>The generated password, to be printed once; null if the settings contain one or there is a user already.</returns>
    public async Task<string?> EnsureFirstAsync(CancellationToken cancellationToken)
    {
        if (await users.Users.AnyAsync(cancellationToken))
        {
            return null;
        }

        var chosen = options.Value.AdminPassword;
        var password = chosen.Length > 0 ? chosen : NewPassword();
        try
        {
            await AddAsync(FirstName, Role.Admin, password, "setup");
        }
        catch (Exception error) when (error is DbUpdateException or PanelUserException)
        {
            // Another node was first, or the name or password of the settings will not do.
            if (!await users.Users.AnyAsync(cancellationToken))
            {
                throw;
            }

            return null;
        }

        return chosen.Length > 0 ? null : password;
    }

    /// <summary>Adds a person.</summary>
    /// <exception cref="PanelUserException">The name is taken or odd, or the password too short or too long.</exception>
    public Task AddAsync(string name, Role role, string password, string by) => WriteAsync(by, "user.added", async () =>
    {
        if (name.Length > 0 && name[0] is '-' or '+' or '@')
        {
            throw new PanelUserException("A user name must not begin with -, + or @.");
        }

        Check(await users.CreateAsync(new() { UserName = name, Role = role, CreatedAt = clock.GetUtcNow(), LockoutEnabled = true }, password));
        return (name, new { role = role.ToString().ToLowerInvariant() });
    });

    /// <summary>Gives a person a new password and ends every sign-in of theirs.</summary>
    /// <exception cref="PanelUserException">There is no such person, they sign in with their company account, or the password is too short or too long.</exception>
    public Task ResetPasswordAsync(string name, string password, string by) => WriteAsync(by, "user.password_reset", async () =>
    {
        var person = await RequireAsync(name);
        if (person.IsOfCompany)
        {
            throw new PanelUserException($"{person.UserName} signs in with the company account and has no password here. The identity provider can reset it; or add a user of another name.");
        }

        foreach (var validator in users.PasswordValidators)
        {
            Check(await validator.ValidateAsync(users, person, password));
        }

        person.PasswordHash = users.PasswordHasher.HashPassword(person, password);
        person.LockoutEnd = null;
        person.AccessFailedCount = 0;
        Check(await users.UpdateSecurityStampAsync(person));
        return (person.UserName!, new { });
    });

    /// <summary>Gives a person another role and ends every sign-in of theirs.</summary>
    /// <exception cref="PanelUserException">There is no such user, or no administrator would be left.</exception>
    public Task SetRoleAsync(string name, Role role, string by) => ChangeAsync(name, role == Role.Admin, by, "user.role_changed", async person =>
    {
        var old = person.Role;
        person.Role = role;
        Check(await users.UpdateSecurityStampAsync(person));
        return new { from = old.ToString().ToLowerInvariant(), to = role.ToString().ToLowerInvariant() };
    });

    /// <summary>Keeps a person from signing in, and ends every sign-in of theirs.</summary>
    /// <exception cref="PanelUserException">As <see cref="SetRoleAsync"/>.</exception>
    public Task DisableAsync(string name, string by) => ChangeAsync(name, false, by, "user.disabled", async person =>
    {
        person.DisabledAt ??= clock.GetUtcNow();
        Check(await users.UpdateSecurityStampAsync(person));
        return new { };
    });

    /// <summary>Lets a person sign in again; a lock after wrong passwords ends too.</summary>
    /// <exception cref="PanelUserException">There is no such person.</exception>
    public Task EnableAsync(string name, string by) => ChangeAsync(name, true, by, "user.enabled", async person =>
    {
        person.DisabledAt = null;
        person.LockoutEnd = null;
        person.AccessFailedCount = 0;
        Check(await users.UpdateAsync(person));
        return new { };
    });

    /// <summary>Removes a person; what they did stays in the log and the audit.</summary>
    /// <exception cref="PanelUserException">As <see cref="SetRoleAsync"/>.</exception>
    public Task RemoveAsync(string name, string by) => ChangeAsync(name, false, by, "user.removed", async person =>
    {
        Check(await users.DeleteAsync(person));
        return new { role = person.Role.ToString().ToLowerInvariant() };
    });

    /// <summary>A password that cannot be guessed, without characters that look alike.</summary>
    public static string NewPassword() => RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789", 20);

    private Task ChangeAsync(string name, bool staysAdmin, string by, string action, Func<PanelUser, Task<object>> change) => WriteAsync(by, action, async () =>
    {
        var person = await RequireAsync(name);
        if (!staysAdmin && person.Role == Role.Admin && !await users.Users.AnyAsync(other => other.Id != person.Id && other.Role == Role.Admin && other.DisabledAt == null))
        {
            throw new PanelUserException($"{person.UserName} is the only administrator who can sign in. Create another one first.");
        }

        return (person.UserName!, await change(person));
    });

    /// <summary>Begins a change of the people. One at a time: two administrators who remove each other would leave none.</summary>
    public static async Task<IDbContextTransaction> BeginChangeAsync(PanelUsersDbContext db, CancellationToken cancellationToken)
    {
        var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({LockId})", cancellationToken);
        return transaction;
    }

    /// <summary>Goes on after a success only.</summary>
    /// <exception cref="PanelUserException">It was none.</exception>
    public static void Check(IdentityResult result)
    {
        if (!result.Succeeded)
        {
            throw new PanelUserException(string.Join(' ', result.Errors.Select(error => error.Description)));
        }
    }

    // Together with its audit entry.
    private async Task WriteAsync(string by, string action, Func<Task<(string Name, object Details)>> change)
    {
        await using var transaction = await BeginChangeAsync(db, CancellationToken.None);
        var (name, details) = await change();
        db.Add(AuditEntry.Of(clock.GetUtcNow(), by, action, name, details));
        await db.SaveChangesAsync();
        await transaction.CommitAsync();
    }

    private async Task<PanelUser> RequireAsync(string name) => await users.FindByNameAsync(name)
        ?? throw new PanelUserException($"No user '{name}'. Users: {string.Join(", ", await users.Users.Select(each => each.UserName).OrderBy(each => each).ToListAsync())}.");
}
