namespace TokenRefresh.Jobs.Alerts;

/// <summary>Joins what is wrong now to the incidents that are known: opens, extends and ends them. Pure but for the incidents themselves.</summary>
/// <param name="known">Open incidents, and those that ended within <see cref="AlertPolicy.FlapWindow"/>.</param>
/// <param name="removed">What open incidents are about and is not there any more.</param>
internal sealed class IncidentReconciler(IReadOnlyList<Incident> known, RemovedSubjects? removed = null)
{
    private readonly List<Incident> incidents = [.. known];
    private readonly Dictionary<Incident, List<Finding>> complaints = [];

    /// <summary>Every incident, old and new.</summary>
    public IReadOnlyList<Incident> Incidents => incidents;

    /// <summary>Those that are not stored yet.</summary>
    public IEnumerable<Incident> Opened => incidents.Except(known);

    /// <summary>What is said of an incident now.</summary>
    public IReadOnlyList<Finding> Of(Incident incident) => complaints.TryGetValue(incident, out var said) ? said : [];

    /// <summary>Takes in everything that is wrong now.</summary>
    public void Enter(IReadOnlyList<Finding> wrong, DateTimeOffset now)
    {
        foreach (var complaint in wrong)
        {
            Enter(complaint, now);
        }

        foreach (var incident in incidents.Where(incident => incident.IsOpen))
        {
            var said = Of(incident);
            if (removed?.Of(incident) is { Count: > 0 } gone)
            {
                if (said.Count == 0 && incident.Subjects.All(subject => gone.Contains(subject) || IsElsewhere(incident, subject)))
                {
                    incident.EndWithSubjects(now);
                    continue;
                }

                incident.Leave(gone);
            }

            if (said.Count > 0)
            {
                var usual = said.GroupBy(complaint => complaint.Cause).OrderByDescending(cause => cause.Count()).First().First();
                incident.Describe(usual.Cause, usual.Detail, said.Any(complaint => complaint.IsCritical), said.Max(complaint => complaint.Stage), now);
                incident.Forget([.. incident.Subjects.Except(said.Select(complaint => complaint.Subject))]);
            }
            else if (incident.Subjects.All(subject => IsElsewhere(incident, subject)))
            {
                incident.Supersede(now);
            }
            else
            {
                incident.Leave([.. incident.Subjects.Where(subject => IsElsewhere(incident, subject))]);
                incident.Resolve(now);
            }
        }
    }

    private void Enter(Finding complaint, DateTimeOffset now)
    {
        var incident = incidents.Find(open => open.IsOpen && open.Key == complaint.Key)
            ?? New(complaint, now);
        if (!incident.Subjects.Contains(complaint.Subject))
        {
            incident.Join(complaint.Subject, now);
        }

        // A token that moves to another incident with a new cause has not expired again.
        foreach (var other in incidents.Where(other => other != incident && IsOther(other, incident)))
        {
            incident.Inherit(complaint.Subject, other);
        }

        complaints.TryAdd(incident, []);
        complaints[incident].Add(complaint);
    }

    private Incident New(Finding complaint, DateTimeOffset now)
    {
        var before = incidents.Where(incident => !incident.IsOpen && incident.Key == complaint.Key && now - incident.ResolvedAt < AlertPolicy.FlapWindow)
            .OrderByDescending(incident => incident.ResolvedAt).FirstOrDefault();
        var incident = Incident.Open(complaint, now, before);
        incidents.Add(incident);
        return incident;
    }

    // Only tokens go from one incident to another: a provider whose rate is low may have the name of one.
    private bool IsElsewhere(Incident incident, string subject) => incident.IsOfTokens
        && complaints.Any(other => other.Key != incident && IsOther(other.Key, incident) && other.Value.Any(complaint => complaint.Subject == subject));

    private static bool IsOther(Incident other, Incident incident) => other is { IsOpen: true, IsOfTokens: true } && incident.IsOfTokens && other.Scope == incident.Scope;
}
