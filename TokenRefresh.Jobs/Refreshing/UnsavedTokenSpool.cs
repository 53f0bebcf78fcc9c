using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Where answers that could not be saved wait on disk, sealed as they would be in the row.</summary>
/// <param name="Path">A folder of this program alone.</param>
public sealed record UnsavedFolder(string Path);

/// <summary>
/// Keeps an issued token on disk while the database does not take it, so that neither a stop nor a crash loses it, and saves it as soon as it does:
/// at a start, when the database is back, and each few seconds meanwhile.
/// </summary>
public sealed partial class UnsavedTokenSpool
{
    /// <summary>How often a running server tries to save what is kept.</summary>
    public static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(10);

    private readonly UnsavedFolder folder;
    private readonly TokenStore store;
    private readonly ILogger<UnsavedTokenSpool> log;
    private readonly SingleFlight<int> replays = new();

    /// <summary>What could not be read or saved for a reason of its own, so that it is told once.</summary>
    private readonly ConcurrentDictionary<string, string> troubles = new(StringComparer.Ordinal);

    /// <summary>Looks into the folder when it is first asked to.</summary>
    public UnsavedTokenSpool(UnsavedFolder folder, TokenStore store, TokenMetrics metrics, ILogger<UnsavedTokenSpool> log)
    {
        (this.folder, this.store, this.log) = (folder, store, log);
        metrics.ObserveUnsaved(() => Files().Count());
    }

    /// <summary>Hears of each token that has to wait, as its row will be: it is good for calls all the same.</summary>
    internal event Action<Token>? Kept;

    /// <summary>Saves what is kept; an answer that was overtaken meanwhile is dropped. One that cannot be saved keeps no other from it.</summary>
    /// <returns>How many tokens were saved.</returns>
    /// <exception cref="Npgsql.NpgsqlException">The database is unreachable; what is kept stays.</exception>
    public async Task<int> ReplayAsync(CancellationToken cancellationToken)
    {
        // One that is under way may have looked before the newest was kept, so another follows it.
        if (replays.Underway is Task earlier)
        {
            await earlier.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return await replays.Share(() => ReplayAllAsync(cancellationToken)).WaitAsync(cancellationToken);
    }

    internal void Keep(Token token, TokenWrite answer)
    {
        var file = FileOf(answer);
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
                JsonSerializer.Serialize(part, answer);
                part.Flush(flushToDisk: true);
            }

            File.Move(file + ".part", file, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotKept(token.Name, error.GetType().Name);
        }
    }

    internal void Forget(TokenWrite answer)
    {
        if (FileOf(answer) is var file && File.Exists(file))
        {
            File.Delete(file);
        }
    }

    private async Task<int> ReplayAllAsync(CancellationToken cancellationToken)
    {
        var saved = 0;
        foreach (var file in Files())
        {
            saved += await ReplayAsync(file, cancellationToken) ? 1 : 0;
        }

        return saved;
    }

    private async Task<bool> ReplayAsync(string file, CancellationToken cancellationToken)
    {
        if (Read(file) is not { } answer)
        {
            return false;
        }

        try
        {
            var saved = await store.ApplyAsync(answer, cancellationToken);
            File.Delete(file);
            troubles.TryRemove(file, out _);
            LogReplayed(answer.Token, saved.IsSaved ? "saved" : "discarded, because a newer token is stored", saved.Version);
            return saved.IsSaved;
        }
        catch (Exception error) when (!DatabaseFaults.IsAway(error) && !DatabaseFaults.IsTakenBack(error) && error is not OperationCanceledException)
        {
            // One that the database refuses for a reason of its own must not keep the others, and with them the program, from starting.
            if (IsNews(file, error))
            {
                LogRefused(answer.Token, error.GetBaseException().GetType().Name, error.GetBaseException().Message);
            }

            return false;
        }
    }

    private TokenWrite? Read(string file)
    {
        try
        {
            return TokenWrite.Read(File.ReadAllText(file));
        }
        catch (FileNotFoundException)
        {
            // Its refresh has saved it just now.
            return null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            if (IsNews(file, error))
            {
                LogUnreadable(file, error.GetType().Name);
            }

            return null;
        }
    }

    private bool IsNews(string file, Exception error)
    {
        var kind = error.GetBaseException().GetType().Name;
        var isNews = troubles.GetValueOrDefault(file) != kind;
        troubles[file] = kind;
        return isNews;
    }

    private IEnumerable<string> Files() => Directory.Exists(folder.Path) ? Directory.EnumerateFiles(folder.Path, "*.json").Order(StringComparer.Ordinal) : [];

    private string FileOf(TokenWrite answer) => Path.Combine(folder.Path, $"{answer.Token}-{answer.AttemptId}.json");

    [LoggerMessage(1031, LogLevel.Information, "An unsaved token of {Token} was {Outcome}; version {Version} is stored")]
    private partial void LogReplayed(string token, string outcome, long version);

    [LoggerMessage(1032, LogLevel.Error, "The token {Token} could not be written to disk ({Error}); it is kept in memory until the database is back")]
    private partial void LogNotKept(string token, string error);

    [LoggerMessage(1033, LogLevel.Error, "{File} contains a token that was not saved to the database and cannot be read ({Error}); the file is kept")]
    private partial void LogUnreadable(string file, string error);

    [LoggerMessage(1034, LogLevel.Error, "An unsaved token of {Token} is refused by the database ({Error}: {Reason}); it stays on disk and is retried every few seconds")]
    private partial void LogRefused(string token, string error, string reason);
}
