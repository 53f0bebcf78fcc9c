using System.Collections.ObjectModel;
using Hangfire;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Server.Pages;

namespace TokenRefresh.Tests.Simulation;

/// <summary>Everything that one run is made of: nodes of the real product on one real database, and models of all else.</summary>
internal sealed class SimWorld : IDisposable
{
    /// <summary>Stands in every secret that the modelled providers issue.</summary>
    public const string Secret = "planted-secret";

    public static readonly DateTimeOffset Epoch = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly SimNode[] places;
    private readonly string folder = Directory.CreateTempSubdirectory("tokenrefresh-simulation-").FullName;
    private readonly List<ServiceProvider> built = [];
    private readonly NpgsqlConnection eyes;
    private readonly List<string> steps = [];

    public SimWorld(SimDatabase database, SimPlan plan, int seed, int nodes, BrokenLaw laws)
    {
        (Database, Plan, Laws, Chance, Stepper) = (database, plan, laws, new(seed), new());
        Gates = new(Stepper, Trace);
        Providers = [.. plan.Providers.Select(provider => new ProviderModel(provider.Name, provider.Traits, this))];
        (Jobs, Mail, Feed, Served) = (new(this), new(this), new(this), new(this));
        Observer = NodeServices.Plain(database, plan);
        built.Add(Observer);
        database.Begin(Observer, plan);
        eyes = database.Source.OpenConnection();
        Tokens = new(this, Observer.GetRequiredService<SecretProtection>());
        Incidents = new(this, eyes);
        places = [.. Enumerable.Range(0, nodes).Select(place => new SimNode(this, place))];
    }

    public SimDatabase Database { get; }

    public SimPlan Plan { get; }

    public BrokenLaw Laws { get; }

    public Chance Chance { get; }

    public Stepper Stepper { get; }

    public Gates Gates { get; }

    public Agenda Agenda { get; } = new(Epoch);

    public IReadOnlyList<ProviderModel> Providers { get; }

    public JobModel Jobs { get; }

    public MailModel Mail { get; }

    public Feed Feed { get; }

    public ServiceProvider Observer { get; }

    /// <summary>The tokens' rows as they were last committed.</summary>
    public TokenRows Tokens { get; }

    /// <summary>The incidents as they were last committed.</summary>
    public IncidentRows Incidents { get; }

    /// <summary>The process that runs on each machine now.</summary>
    public IReadOnlyList<SimNode> Nodes => places;

    public bool IsDatabaseAway { get; private set; }

    /// <summary>True while the database answers and takes no writes.</summary>
    public bool IsReadOnly { get; private set; }

    /// <summary>When the database last went back in time; null for never.</summary>
    public DateTimeOffset? WentBackAt { get; private set; }

    /// <summary>What was served under which version, by which node.</summary>
    public ServedVersions Served { get; }

    /// <summary>Hear of each call to a provider as it begins, and how long it takes.</summary>
    public List<Action<SimNode, TimeSpan>> OnCall { get; } = [];

    /// <summary>Happens when the database is back.</summary>
    public Action OnDatabaseBack { get; set; } = () => { };

    /// <summary>When it last went away or came back.</summary>
    public DateTimeOffset DatabaseBackAt { get; private set; }

    /// <summary>When the last round that looked at the tokens for incidents began.</summary>
    public DateTimeOffset LastRoundAt { get; set; } = Epoch;

    /// <summary>Every step since the beginning.</summary>
    public ReadOnlyCollection<string> Steps => steps.AsReadOnly();

    /// <summary>The first invariant that broke, in words.</summary>
    public string? Failure { get; private set; }

    /// <summary>One run from its seed to its end, or to the first invariant that breaks.</summary>
    public static RunReport Simulate(SimDatabase database, Scenario scenario, BrokenLaw? law = null)
    {
        law ??= BrokenLaw.None;
        scenario = law.Shape(scenario);
        using var world = new SimWorld(database, scenario.Plan, scenario.Seed, scenario.Nodes, law);
        return new Simulation(world, scenario).Run();
    }

    public void Trace(string step) => steps.Add($"{Agenda.Now:dd HH:mm:ss.fff} {step}");

    /// <summary>What the product logs stands in the trace, so that a broken invariant tells its story.</summary>
    public void FlashMessage(string line) => Trace($"    said: {line}");

    public void Broken(string what)
    {
        Trace($"BROKEN {what}");
        Failure ??= what;
    }

    public string FolderOf(SimNode node) => Directory.CreateDirectory(Path.Combine(folder, node.Name)).FullName;

    public ProviderModel ProviderOf(string token) => Providers.Single(provider => provider.Name == Plan.Tokens.Single(each => each.Name == token).Provider);

    /// <summary>A node that is up, or null.</summary>
    public SimNode? AnyNode()
    {
        var up = places.Where(node => node is { IsAwake: true, IsUp: true }).ToList();
        return up.Count == 0 ? null : Chance.Pick(up);
    }

    /// <summary>Begins an operation on a node. What it throws must be one of the things that the product lets through.</summary>
    /// <param name="abort">Once cancelled, the operation may end without having done its work.</param>
    public void Start(SimNode node, string name, Func<Task> work, Action<Exception?>? ended = null, CancellationToken abort = default)
    {
        Trace($"{node.Name} begins {name}");
        Gates.Operation.Value = name;
        _ = RunAsync();

        async Task RunAsync()
        {
            Exception? error = null;
            try
            {
                await work();
            }
            catch (Exception thrown)
            {
                error = thrown;
            }

            if (node.IsDead)
            {
                return;
            }

            Trace($"{node.Name} ends {name}{(error is null ? "" : $": {error.GetType().Name}")}");
            if (error is not (null or RefreshFailedException or RefreshRefusedException or BackgroundJobClientException) && !DatabaseFaults.IsAway(error)
                && !(error is OperationCanceledException && abort.IsCancellationRequested))
            {
                Broken($"{name} on {node.Name} threw {error}");
            }

            ended?.Invoke(error);
        }
    }

    /// <summary>Starts the process of a machine: what an earlier run could not save is saved, and the vault is filled.</summary>
    public void Boot(int place)
    {
        var node = places[place] = new(this, place);
        node.Services = NodeServices.Of(this, node);
        built.Add(node.Services);
        node.Get<DatabaseContact>().Lost();
        CheckLeftBehind(node);
        Begin();

        void Begin() => Start(node, "start", async () =>
        {
            await node.Get<UnsavedTokenSpool>().ReplayAsync(CancellationToken.None);
            await Feed.ListenAsync(node, wasCut: false);
        }, error => Agenda.In(TimeSpan.FromSeconds(1), error is null ? () => node.IsUp = true : () => node.WhenAwake(Begin)));
    }

    public void Crash(SimNode node)
    {
        Trace($"{node.Name} CRASHES");
        node.Die();
        Gates.Bury(node);
        Jobs.Bury(node);
    }

    /// <summary>Nobody reaches the database.</summary>
    public void SetDatabaseAway(bool isAway)
    {
        Trace(isAway ? "the database goes AWAY" : "the database is BACK");
        (IsDatabaseAway, DatabaseBackAt) = (isAway, Agenda.Now);
        foreach (var node in places)
        {
            Feed.Cut(node);
            node.NoteDatabase(isAway);
        }

        if (!isAway)
        {
            Jobs.Refetch();
            OnDatabaseBack();
        }
    }

    /// <summary>The database answers and takes no writes, as one that was set so; all connections are cut.</summary>
    public void SetReadOnly(bool isReadOnly)
    {
        Trace(isReadOnly ? "the database is READ-ONLY" : "the database takes WRITES again");
        (IsReadOnly, DatabaseBackAt) = (isReadOnly, Agenda.Now);
        foreach (var node in places)
        {
            Feed.Cut(node);
            node.NoteDatabase(isReadOnly);
        }

        if (isReadOnly)
        {
            new Watch(this).Begin();
        }
        else
        {
            Jobs.Refetch();
            OnDatabaseBack();
        }
    }

    /// <summary>A replica that is behind takes the primary's place, once nobody holds a connection to it any more.</summary>
    public void GoBackInTime()
    {
        Mail.NoteLost(Scalar<string[]>("SELECT array_agg(message_id) FROM notifications WHERE message_id NOT IN (SELECT message_id FROM past.notifications)") ?? []);
        Database.GoBack();
        WentBackAt = Agenda.Now;
        Incidents.WentBack();
        Trace($"the database WENT BACK in time: {string.Join(", ", Tokens.WentBack(eyes))}");
    }

    /// <summary>Looks at what is committed, and passes on the notifications that the database sends of it.</summary>
    public void Observe()
    {
        foreach (var name in Tokens.Look(eyes))
        {
            Feed.Tell(name);
        }
    }

    public T? Scalar<T>(string sql, params object[] parameters)
    {
        using var command = new NpgsqlCommand(sql, eyes);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        return command.ExecuteScalar() is T value ? value : default;
    }

    public void Dispose()
    {
        eyes.Dispose();
        built.ForEach(services => services.Dispose());
        Directory.Delete(folder, recursive: true);
    }

    private void CheckLeftBehind(SimNode node)
    {
        foreach (var file in Directory.EnumerateFiles(FolderOf(node)).Where(file => File.ReadAllText(file).Contains(Secret, StringComparison.Ordinal)))
        {
            Broken($"I8: a secret in {Path.GetFileName(file)}");
        }
    }
}
