using System.Collections.Concurrent;
using Hangfire;
using Hangfire.Server;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Some of a job's tokens failed for a reason that may pass: Hangfire runs the job again.</summary>
public sealed class RefreshFailedException(string message, TimeSpan? retryAfter) : Exception(message)
{
    /// <summary>How long the provider asked to be left alone, where it said so.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}

/// <summary>Everything that failed in a job failed for reasons that a retry cannot resolve: Hangfire does not retry it.</summary>
public sealed class RefreshRefusedException(string message) : Exception(message);

/// <summary>The job took longer than <see cref="ScheduleOptions.Timeout"/>; what was not done is retried.</summary>
public sealed class JobTimedOutException(TimeSpan limit) : Exception($"The job exceeded its time limit of {limit}.");

/// <summary>Hangfire's way to <see cref="TokenRefresher"/>. Name, signature and arguments are stored in Postgres: a contract.</summary>
public sealed class RefreshTokensJob(
    TokenRefresher refresher, IDbContextFactory<TokenRefreshDbContext> contexts, IOptions<ScheduleOptions> schedule, TimeProvider clock)
{
    /// <summary>A parameter of the job: who has enqueued it again after it had failed.</summary>
    internal const string AskedAgainBy = "AskedAgainBy";

    /// <summary>Hangfire's own parameter: the automatic retries that were made.</summary>
    internal const string RetryCount = "RetryCount";

    /// <summary>Refreshes the named tokens concurrently and reports failures to Hangfire by throwing at the end.</summary>
    /// <param name="tokens">The tokens' names.</param>
    /// <param name="trigger">The stored name of the trigger.</param>
    /// <param name="triggeredBy">Who asked.</param>
    /// <param name="context">Filled in by Hangfire.</param>
    /// <param name="cancellationToken">Hangfire's: a shutdown, or the job was deleted. It keeps waiting tokens from starting; it never ends a call.</param>
    public async Task RunAsync(string[] tokens, string trigger, string triggeredBy, PerformContext context, CancellationToken cancellationToken)
    {
        var retry = context.GetJobParameter<int>(RetryCount);
        var person = context.GetJobParameter<string?>(AskedAgainBy);
        var stored = RefreshTriggers.Parse(trigger) ?? RefreshTrigger.Manual;
        using var limit = new CancellationTokenSource(schedule.Value.Timeout, clock);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var request = new RefreshRequest("", person is null || stored == RefreshTrigger.Forced ? stored : RefreshTrigger.Manual, person ?? triggeredBy)
        {
            JobId = context.BackgroundJob.Id,
            Attempt = retry + 1,
            RetriesLeft = schedule.Value.Retries - retry,
            RequestedAt = context.BackgroundJob.CreatedAt.Utc(),
            Limit = limit.Token,
        };

        var failures = new ConcurrentBag<(string Token, ProviderFailure Failure)>();
        try
        {
            await Task.WhenAll((await OpenOfAsync(tokens, request, cancellationToken)).Select(RefreshAsync));
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new JobTimedOutException(schedule.Value.Timeout);
        }

        Report([.. failures.OrderBy(failure => failure.Token, StringComparer.Ordinal)]);

        async Task RefreshAsync(string token)
        {
            if (await refresher.RefreshAsync(request with { Token = token }, waiting.Token) is RefreshOutcome.Failed failed)
            {
                failures.Add((token, failed.Failure));
            }
        }
    }

    /// <summary>A retry goes only through the tokens that this job has not settled: no success, no skip, no failure for good. Who enqueues a failed job again wants that one tried too.</summary>
    private async Task<IEnumerable<string>> OpenOfAsync(string[] tokens, RefreshRequest request, CancellationToken cancellationToken)
    {
        var permanent = FailureKinds.Permanent.Select(kind => kind.Code()).ToList();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var settled = await db.Attempts
            .Where(row => row.JobId == request.JobId
                && (row.Status == AttemptStatus.Success || row.Status == AttemptStatus.Skipped
                    || (row.Status == AttemptStatus.Failed && row.Attempt < request.Attempt && permanent.Contains(row.ErrorCode!))))
            .Select(row => row.TokenName).ToListAsync(cancellationToken);
        return tokens.Except(settled, StringComparer.OrdinalIgnoreCase);
    }

    private static void Report(IReadOnlyList<(string Token, ProviderFailure Failure)> failures)
    {
        if (failures.Count == 0)
        {
            return;
        }

        var message = string.Join("; ", failures.Take(10).Select(failed => $"{failed.Token}: {failed.Failure.Kind.Code()}, {failed.Failure.Reason}"))
            + (failures.Count > 10 ? $"; and {failures.Count - 10} more" : "");
        var retryable = failures.Where(failed => failed.Failure.Kind.IsRetryable()).ToList();
        throw retryable.Count == 0
            ? new RefreshRefusedException(message)
            : new RefreshFailedException(message, retryable.Max(failed => failed.Failure.RetryAfter));
    }
}
