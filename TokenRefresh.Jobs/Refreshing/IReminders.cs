namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Schedules a refresh at the instant a token is due, if the due check would be too late for it.</summary>
public interface IReminders
{
    /// <summary>Reminds of that token then, if need be. Never throws: what is not reminded of is found by the due check.</summary>
    void Remind(string token, DateTimeOffset dueAt);
}
