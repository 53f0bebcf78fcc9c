using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Access;

namespace TokenRefresh.Server.Access;

/// <summary>What was wrong with a request about a person; the message says what to do.</summary>
internal sealed class OperatorException(string message) : Exception(message);

/// <summary>Adds people, lists them, and gives them new passwords. Every change is in the audit.</summary>
internal sealed class Operators(UserManager<Operator> users, AuditTrail audit, IOptions<AccessOptions> options, TimeProvider clock)
{
    /// <summary>No password is shorter; nothing else is asked of one, because length is what counts.</summary>
    public const int LeastPassword = 12;

    private const string FirstName = "admin";

    /// <summary>Everybody, by name.</summary>
    public Task<List<Operator>> ListAsync(CancellationToken cancellationToken) => users.Users.AsNoTracking().OrderBy(person => person.UserName).ToListAsync(cancellationToken);

    /// <summary>Makes the first administrator while there is nobody.</summary>
    /// <returns>The password that was made up, to be printed once; null where the settings name one or there is somebody.</returns>
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
        catch (DbUpdateException)
        {
            // Another node was first.
            return null;
        }

        return chosen.Length > 0 ? null : password;
    }

    /// <summary>Adds a person.</summary>
    /// <exception cref="OperatorException">The name is taken or odd, or the password too short.</exception>
    public async Task AddAsync(string name, Role role, string password, string by)
    {
        Check(await users.CreateAsync(new() { UserName = name, Role = role, CreatedAt = clock.GetUtcNow(), LockoutEnabled = true }, password));
        await audit.WriteAsync(by, "user.added", name, new { role = role.ToString().ToLowerInvariant() });
    }

    /// <summary>Gives a person a new password and ends every sign-in of theirs.</summary>
    /// <exception cref="OperatorException">There is no such person, or the password is too short.</exception>
    public async Task ResetPasswordAsync(string name, string password, string by)
    {
        if (await users.FindByNameAsync(name) is not { } person)
        {
            throw new OperatorException($"There is no user '{name}'. There are: {string.Join(", ", await users.Users.Select(each => each.UserName).OrderBy(each => each).ToListAsync())}.");
        }

        foreach (var validator in users.PasswordValidators)
        {
            Check(await validator.ValidateAsync(users, person, password));
        }

        person.PasswordHash = users.PasswordHasher.HashPassword(person, password);
        person.LockoutEnd = null;
        person.AccessFailedCount = 0;
        Check(await users.UpdateSecurityStampAsync(person));
        await audit.WriteAsync(by, "user.password_reset", name, new { });
    }

    /// <summary>A password that nobody guesses, without signs that look alike.</summary>
    public static string NewPassword() => RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789", 20);

    private static void Check(IdentityResult result)
    {
        if (!result.Succeeded)
        {
            throw new OperatorException(string.Join(' ', result.Errors.Select(error => error.Description)));
        }
    }
}
