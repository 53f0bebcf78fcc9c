namespace TokenRefresh.Jobs.Alerts;

/// <summary>What a person wrote down about an incident. Goes with the incident.</summary>
public sealed class IncidentNote
{
    /// <summary>The most characters of a note.</summary>
    public const int Longest = 1000;

    /// <summary>Grows with time.</summary>
    public long Id { get; private set; }

    /// <summary>The incident.</summary>
    public long IncidentId { get; init; }

    /// <summary>When it was written.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>Who wrote it, as in the audit.</summary>
    public string Actor { get; init; } = "";

    /// <summary>The note, 1 to <see cref="Longest"/> characters.</summary>
    public string Text { get; init; } = "";
}
