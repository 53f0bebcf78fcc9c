namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Brings a token back to the door at the instant it is due, where the due check would come too late for it.</summary>
public interface IReminders
{
    /// <summary>Reminds of that token then, if need be. Never throws: what is not reminded of is found by the due check.</summary>
    void Remind(string token, DateTimeOffset dueAt);
}
