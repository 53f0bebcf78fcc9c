using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Where answers that could not be saved wait on disk, sealed as they would be in the row.</summary>
/// <param name="Path">A folder of this program alone.</param>
public sealed record UnsavedFolder(string Path);

/// <summary>Keeps an issued token on disk while the database is away, so that neither a stop nor a crash loses it.</summary>
public sealed partial class UnsavedAnswers(
    UnsavedFolder folder, IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock, ILogger<UnsavedAnswers> log)
{
    /// <summary>Hears of each token that has to wait, as its row will be: it is good for calls all the same.</summary>
    internal event Action<Token>? Kept;

    /// <summary>Saves what an earlier run could not; an answer that was overtaken meanwhile is dropped.</summary>
    /// <returns>How many tokens were saved.</returns>
    public async Task<int> ReplayAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(folder.Path))
        {
            return 0;
        }

        var saved = 0;
        foreach (var file in Directory.EnumerateFiles(folder.Path, "*.json"))
        {
            if (await ReadAsync(file, cancellationToken) is { } answer)
            {
                saved += await SaveAsync(answer, cancellationToken);
                File.Delete(file);
            }
        }

        return saved;
    }

    internal void Keep(Token token, RefreshAttempt attempt, long readVersion, string? leaseOwner)
    {
        var file = FileOf(token.Name, attempt.Id);
        if (File.Exists(file))
        {
            return;
        }

        Kept?.Invoke(token);
        try
        {
            PrivateFiles.MakeFolder(folder.Path);
            using (var part = PrivateFiles.Create(file + ".part"))
            {
                JsonSerializer.Serialize(part, new UnsavedAnswer(
                    token.Name, readVersion, attempt.Id, leaseOwner, token.AccessToken!, token.RefreshToken, token.IssuedAt!.Value, token.ExpiresAt!.Value,
                    token.RefreshExpiresAt, token.RefreshDueAt!.Value, token.DueReason, token.Metadata, attempt.Metadata, attempt.DurationMs));
                part.Flush(flushToDisk: true);
            }

            File.Move(file + ".part", file, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotKept(token.Name, error.GetType().Name);
        }
    }

    internal void Forget(string token, long attempt)
    {
        if (FileOf(token, attempt) is var file && File.Exists(file))
        {
            File.Delete(file);
        }
    }

    // One file that says nothing must not keep the others, and with them the program, from starting.
    private async Task<UnsavedAnswer?> ReadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            return JsonSerializer.Deserialize<UnsavedAnswer>(await File.ReadAllTextAsync(file, cancellationToken));
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            LogUnreadable(file, error.GetType().Name);
            return null;
        }
    }

    private async Task<int> SaveAsync(UnsavedAnswer answer, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = clock.GetUtcNow();
        var overtaking = Settlement.Overtaking(db, answer.Token, answer.AttemptId);
        var saved = await db.Tokens
            .Where(token => token.Name == answer.Token
                && (token.Version == answer.ReadVersion || (token.AccessToken != answer.AccessToken && !overtaking.Any())))
            .ExecuteUpdateAsync(row => row
                .SetProperty(token => token.AccessToken, answer.AccessToken)
                .SetProperty(token => token.RefreshToken, answer.RefreshToken)
                .SetProperty(token => token.Version, token => token.Version + 1)
                .SetProperty(token => token.IssuedAt, answer.IssuedAt)
                .SetProperty(token => token.ExpiresAt, answer.ExpiresAt)
                .SetProperty(token => token.RefreshExpiresAt, answer.RefreshExpiresAt)
                .SetProperty(token => token.RefreshDueAt, answer.DueAt)
                .SetProperty(token => token.DueReason, answer.DueReason)
                .SetProperty(token => token.Metadata, answer.Metadata)
                .SetProperty(token => token.LastLookedAt, now)
                .SetProperty(token => token.LastAttemptAt, answer.IssuedAt)
                .SetProperty(token => token.LastSuccessAt, now)
                .SetProperty(token => token.ConsecutiveFailures, 0)
                .SetProperty(token => token.NextAttemptAt, (DateTimeOffset?)null)
                .SetProperty(token => token.RetryJobId, (string?)null)
                .SetProperty(token => token.LastErrorCode, (string?)null)
                .SetProperty(token => token.LastError, (string?)null),
                cancellationToken);

        // Else it would run out, and what has just been settled be called an unknown outcome.
        await db.Tokens.Where(token => token.Name == answer.Token && token.LeaseOwner == answer.LeaseOwner).ExecuteUpdateAsync(
            row => row.SetProperty(token => token.LeaseOwner, (string?)null).SetProperty(token => token.LeaseUntil, (DateTimeOffset?)null), cancellationToken);
        if (saved == 1)
        {
            await db.Attempts.Where(attempt => attempt.Id == answer.AttemptId).ExecuteUpdateAsync(row => row
                .SetProperty(attempt => attempt.Status, AttemptStatus.Success)
                .SetProperty(attempt => attempt.Message, "Refreshed; saved after the database was back.")
                .SetProperty(attempt => attempt.Metadata, answer.AttemptMetadata)
                .SetProperty(attempt => attempt.DurationMs, answer.DurationMs)
                .SetProperty(attempt => attempt.ErrorCode, (string?)null)
                .SetProperty(attempt => attempt.ErrorDetails, (string?)null)
                .SetProperty(attempt => attempt.CompletedAt, now),
                cancellationToken);
        }
        else
        {
            await db.Attempts.Where(attempt => attempt.Id == answer.AttemptId && attempt.Status == AttemptStatus.Running).ExecuteUpdateAsync(row => row
                .SetProperty(attempt => attempt.Status, AttemptStatus.Skipped)
                .SetProperty(attempt => attempt.Message, Settlement.Overtaken)
                .SetProperty(attempt => attempt.CompletedAt, now),
                cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        LogReplayed(answer.Token, saved == 1 ? "saved" : "dropped, a newer one is stored");
        return saved;
    }

    private string FileOf(string token, long attempt) => Path.Combine(folder.Path, $"{token}-{attempt}.json");

    private sealed record UnsavedAnswer(
        string Token, long ReadVersion, long AttemptId, string? LeaseOwner, string AccessToken, string? RefreshToken, DateTimeOffset IssuedAt,
        DateTimeOffset ExpiresAt, DateTimeOffset? RefreshExpiresAt, DateTimeOffset DueAt, string DueReason, string Metadata, string AttemptMetadata = "{}", long? DurationMs = null)
    {
        public override string ToString() => $"{nameof(UnsavedAnswer)} {{ {Token} }}";
    }

    [LoggerMessage(1031, LogLevel.Information, "A token of {Token} that an earlier run could not save was {Outcome}")]
    private partial void LogReplayed(string token, string outcome);

    [LoggerMessage(1032, LogLevel.Error, "The answer for {Token} could not be kept on disk ({Error}); it is in memory until the database is back")]
    private partial void LogNotKept(string token, string error);

    [LoggerMessage(1033, LogLevel.Error, "{File} holds an answer that could not be saved, and cannot be read ({Error}); it stays where it is")]
    private partial void LogUnreadable(string file, string error);
}
