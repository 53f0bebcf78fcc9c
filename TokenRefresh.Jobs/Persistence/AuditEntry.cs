using System.Text.Json;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Who did what, when. The table takes new rows only: the database itself refuses to change or delete one.</summary>
public sealed class AuditEntry
{
    /// <summary>The action under which versions before this one kept the reads of clients; such entries stay, and are not shown.</summary>
    internal const string Read = "token.read";

    private AuditEntry()
    {
    }

    /// <summary>Grows with time.</summary>
    public long Id { get; private set; }

    /// <summary>When.</summary>
    public DateTimeOffset At { get; private set; }

    /// <summary>Who, for example <c>client:billing</c> or <c>cli:root</c>.</summary>
    public string Actor { get; private set; } = "";

    /// <summary>What, for example <c>token.paused</c>.</summary>
    public string Action { get; private set; } = "";

    /// <summary>To what, usually a token's or a client's name.</summary>
    public string Subject { get; private set; } = "";

    /// <summary>More about it. JSON, no secrets.</summary>
    public string Details { get; private set; } = "{}";

    /// <summary>A new entry.</summary>
    public static AuditEntry Of(DateTimeOffset at, string actor, string action, string subject, object details) =>
        new() { At = at, Actor = actor, Action = action, Subject = subject, Details = JsonSerializer.Serialize(details) };
}
