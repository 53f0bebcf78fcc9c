using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Jobs.Scheduling;

/// <summary>Hangfire's filters with the retries of the settings, in place of its process-wide ones (ten attempts).</summary>
public static class RetryFilters
{
    /// <summary>Automatic retries as <see cref="ScheduleOptions"/> says, none for failures that a retry cannot resolve, and never before a provider's Retry-After.</summary>
    public static IJobFilterProvider Create(IOptions<ScheduleOptions> schedule)
    {
        var filters = new JobFilterCollection
        {
            new CaptureCultureAttribute(),
            new StatisticsHistoryAttribute(),
            new ContinuationsSupportAttribute(),
            new AutomaticRetryAttribute
            {
                Attempts = schedule.Value.Retries,
                DelaysInSeconds = [(int)schedule.Value.Backoff.TotalSeconds],
                ExceptOn = [typeof(RefreshRefusedException)],
            },
            new RetryAfterFilter(),
        };
        return new JobFilterProviderCollection(filters, new JobFilterAttributeFilterProvider());
    }

    /// <summary>Runs after the automatic retry has chosen its delay, and lengthens it where the provider asked for more.</summary>
    private sealed class RetryAfterFilter : JobFilterAttribute, IElectStateFilter
    {
        public RetryAfterFilter() => Order = 30;

        public void OnStateElection(ElectStateContext context)
        {
            if (context.CandidateState is ScheduledState retry
                && context.TraversedStates.OfType<FailedState>().LastOrDefault()?.Exception is RefreshFailedException { RetryAfter: { } pause }
                && retry.ScheduledAt + pause is var asked && asked > retry.EnqueueAt)
            {
                context.CandidateState = new ScheduledState(asked) { Reason = $"{retry.Reason} The provider's Retry-After is {pause}." };
            }
        }
    }
}
