namespace TokenRefresh.Jobs.Alerts;

/// <summary>What became of the messages about one incident. That someone was notified is read off the deliveries, never off what was meant to be sent.</summary>
/// <param name="NotifiedAt">When a mail server or a webhook last accepted one; null where none did.</param>
/// <param name="IsWaiting">True while one is still to be delivered.</param>
/// <param name="IsWritten">True where one is a file on disk.</param>
/// <param name="IsRefused">True where one was refused for good.</param>
public sealed record IncidentNotice(DateTimeOffset? NotifiedAt, bool IsWaiting, bool IsWritten, bool IsRefused)
{
    /// <summary>Of an incident without messages.</summary>
    public static IncidentNotice None { get; } = new(null, false, false, false);

    /// <summary>Why no one was notified, in a phrase; null where someone was.</summary>
    public string? WhyNot => this switch
    {
        { NotifiedAt: not null } => null,
        { IsWaiting: true } => "not delivered yet",
        { IsWritten: true } => "written to disk only",
        { IsRefused: true } => "refused",
        _ => "no one",
    };
}
