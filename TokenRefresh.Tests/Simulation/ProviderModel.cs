using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>How a modelled provider behaves when all is well.</summary>
internal sealed record ProviderTraits(TimeSpan Life, TimeSpan? RefreshLife, bool Rotates, bool KillsOldToken, TimeSpan RefusesRenewalBefore)
{
    /// <summary>All answers come at multiples of this, so that some come at once; zero for whenever they are ready.</summary>
    public TimeSpan Beat { get; init; }

    public override string ToString() =>
        $"life {Life}{(Rotates ? ", rotates" : "")}{(KillsOldToken ? ", kills the old token" : "")}{(RefusesRenewalBefore > TimeSpan.Zero ? ", refuses early renewal" : "")}";
}

/// <summary>A provider that keeps its own books: what it issued, what was used up, and who asked for what when.</summary>
internal sealed class ProviderModel(string name, ProviderTraits traits, SimWorld world)
{
    public const int CallsAtOnce = 2;

    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    private readonly HashSet<string> live = [];
    private readonly Dictionary<string, (SimNode Node, DateTimeOffset At)> received = [];
    private readonly Dictionary<string, SimNode> inFlight = [];
    private readonly Dictionary<int, DateTimeOffset> expiries = [];
    private int issued;

    public string Name => name;

    public ProviderTraits Traits => traits;

    public ProviderWeather Weather { get; set; } = ProviderWeather.Fair;

    public int Calls { get; private set; }

    /// <summary>The number of the token that was issued last under a name, and when it dies.</summary>
    public Dictionary<string, (int Number, DateTimeOffset ExpiresAt)> Newest { get; } = [];

    /// <summary>When a call for a token last arrived.</summary>
    public Dictionary<string, DateTimeOffset> LastCallAt { get; } = [];

    /// <summary>Starts a grant as a person would at the provider's pages.</summary>
    public IssuedToken StartGrant(TokenOrder order) => Issue(order, null, world.Agenda.Now, TimeSpan.Zero).Token;

    /// <summary>True while an access token is good for calls.</summary>
    public bool Accepts(string token, int number) =>
        expiries.GetValueOrDefault(number) > world.Agenda.Now && (!traits.KillsOldToken || Newest[token].Number == number);

    /// <summary>True while the newest token of a name is refused a renewal because it is too young.</summary>
    public bool IsTooYoung(string token) => Newest.TryGetValue(token, out var newest) && newest.ExpiresAt - world.Agenda.Now > traits.Life - traits.RefusesRenewalBefore;

    public async Task<ProviderResult> AnswerAsync(SimNode node, TokenOrder order, string? refreshToken)
    {
        Calls++;
        var call = refreshToken is null ? "acquire" : "renew";
        var weather = Weather.Draw(world.Chance);
        world.Trace($"{node.Name} calls {name}: {call} {order.Name}, {weather.Words}");
        LastCallAt[order.Name] = world.Agenda.Now;
        CheckArrival(node, order, refreshToken);
        var requestedAt = node.Clock.GetUtcNow();
        var answer = weather.IsProcessed ? Process(order, refreshToken, requestedAt, node.Clock.Offset) : null;
        var takes = UntilBeat(weather.Takes) is var time && time < Timeout ? time : Timeout;
        inFlight.TryAdd(order.Name, node);
        world.Agenda.In(takes, () =>
        {
            if (inFlight.GetValueOrDefault(order.Name) == node)
            {
                inFlight.Remove(order.Name);
            }
        });
        world.OnCall.ForEach(hears => hears(node, takes));
        await Task.Delay(takes, node.Clock);
        if (weather.Instead is { } instead)
        {
            return new ProviderResult.Failed(instead);
        }

        if (refreshToken is not null && answer is ProviderResult.Issued { Token.RefreshToken: not null })
        {
            received[refreshToken] = (node, world.Agenda.Now);
        }

        return answer!;
    }

    // A timer counts whole milliseconds.
    private TimeSpan UntilBeat(TimeSpan takes) => traits.Beat == TimeSpan.Zero
        ? takes
        : takes + TimeSpan.FromMilliseconds(Math.Ceiling((traits.Beat - new TimeSpan((world.Agenda.Now + takes - world.Agenda.Start).Ticks % traits.Beat.Ticks)).TotalMilliseconds));

    private void CheckArrival(SimNode node, TokenOrder order, string? refreshToken)
    {
        // A node that has not been back yet since the database was away or behind does not reach it.
        if (refreshToken is not null && received.TryGetValue(refreshToken, out var holder) && holder.Node is { IsDead: false, IsHampered: false, IsHearing: true })
        {
            world.Broken($"I1: {node.Name} sends a refresh token of {order.Name} whose success {holder.Node.Name} received at {holder.At:HH:mm:ss.fff}");
        }

        if (inFlight.TryGetValue(order.Name, out var other))
        {
            world.Broken($"I4: {node.Name} calls for {order.Name} while a call of {other.Name} is in flight");
        }

        if (inFlight.Count(call => call.Value == node) >= CallsAtOnce)
        {
            world.Broken($"I6: {node.Name} has more than {CallsAtOnce} calls at {name} in flight");
        }
    }

    private ProviderResult Process(TokenOrder order, string? refreshToken, DateTimeOffset requestedAt, TimeSpan clockOff)
    {
        if (refreshToken is null)
        {
            return Issue(order, null, requestedAt, clockOff);
        }

        if (!live.Contains(refreshToken))
        {
            return new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401 refreshToken.not_valid") { HttpStatus = 401 });
        }

        return IsTooYoung(order.Name)
            ? new ProviderResult.Failed(new(FailureKind.InvalidResponse, "HTTP 400 too_early") { HttpStatus = 400 })
            : Issue(order, refreshToken, requestedAt, clockOff);
    }

    private ProviderResult.Issued Issue(TokenOrder order, string? refreshToken, DateTimeOffset requestedAt, TimeSpan clockOff)
    {
        var number = ++issued;
        if (refreshToken is not null && traits.Rotates)
        {
            live.Remove(refreshToken);
        }

        var next = refreshToken is null || traits.Rotates ? $"{SimWorld.Secret}-refresh-{order.Name}-{number}" : null;
        if (next is not null && traits.RefreshLife is not null)
        {
            live.Add(next);
        }

        expiries[number] = requestedAt - clockOff + traits.Life;
        Newest[order.Name] = (number, expiries[number]);
        return new ProviderResult.Issued(
            new($"{SimWorld.Secret}-access-{order.Name}-{number}", traits.RefreshLife is null ? null : next, requestedAt, requestedAt + traits.Life,
                next is null || traits.RefreshLife is not { } life ? null : requestedAt + life, order.Scopes),
            $"track-{number}");
    }
}

/// <summary>What one node sees of the providers.</summary>
internal sealed class NodeProviders(SimWorld world, SimNode node) : ITokenProviders
{
    public IReadOnlyList<ITokenProvider> All { get; } = [.. world.Providers.Select(model => new NodeProvider(model, world, node))];

    public ITokenProvider? Find(string name) => All.FirstOrDefault(provider => provider.Name == name);

    private sealed class NodeProvider(ProviderModel model, SimWorld world, SimNode node) : ITokenProvider
    {
        public string Name => model.Name;

        public bool IsEnabled => true;

        public IReadOnlyList<string> MissingSettings => [];

        public TimeSpan Timeout => ProviderModel.Timeout;

        public int? MaxConcurrency => world.Laws.HasNoSlots ? null : ProviderModel.CallsAtOnce;

        public byte[] SettingsDigest => [1, 2, 3];

        public DateTimeOffset? CircuitOpenUntil => null;

        public Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit) => CallAsync(order, null);

        public async Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit) =>
            world.Laws.Renewed(await CallAsync(order, held.RefreshToken));

        public Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit) => throw new NotSupportedException();

        public Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit) => throw new NotSupportedException();

        private Task<ProviderResult> CallAsync(TokenOrder order, string? refreshToken)
        {
            world.Laws.BeforeCall(world, order.Name);
            return model.AnswerAsync(node, order, refreshToken);
        }
    }
}

/// <summary>How likely each kind of answer is for now.</summary>
internal sealed record ProviderWeather(double Down = 0, double Slow = 0, double Limited = 0, double Lost = 0, double Malformed = 0)
{
    public static readonly ProviderWeather Fair = new();

    public Answering Draw(Chance chance)
    {
        var soon = chance.Between(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(900));
        var late = chance.Between(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20));
        var luck = chance.Share();
        return (luck -= Down) < 0 ? new("down", late, false, new(FailureKind.ProviderDown, "HTTP 503") { HttpStatus = 503 })
            : (luck -= Limited) < 0 ? new("429", soon, false, new(FailureKind.RateLimited, "HTTP 429") { HttpStatus = 429, RetryAfter = TimeSpan.FromSeconds(chance.Between(5, 180)) })
            : (luck -= Lost) < 0 ? new("answer lost", late, true, new(FailureKind.ProviderDown, "no answer in time"))
            : (luck -= Malformed) < 0 ? new("answer malformed", soon, true, new(FailureKind.InvalidResponse, "answer is not JSON") { HttpStatus = 200 })
            : luck - Slow < 0 ? Slowly(late)
            : new("answers", soon, true, null);
    }

    private static Answering Slowly(TimeSpan late) => late < ProviderModel.Timeout
        ? new("answers slowly", late, true, null)
        : new("answers too late", late, true, new(FailureKind.ProviderDown, "no answer in time"));
}

/// <summary>What becomes of one call.</summary>
/// <param name="IsProcessed">The provider did what it was asked, whatever its caller hears.</param>
/// <param name="Instead">What the caller hears instead of the answer.</param>
internal sealed record Answering(string Words, TimeSpan Takes, bool IsProcessed, ProviderFailure? Instead);

/// <summary>Every choice of a run, drawn from its seed.</summary>
internal sealed class Chance(int seed)
{
#pragma warning disable CA5394 // A run must be the same each time it is made from its seed.
    private readonly Random random = new(seed);

    public bool Of(double probability) => random.NextDouble() < probability;

    public double Share() => random.NextDouble();

    public double Between(double low, double high) => low + (random.NextDouble() * (high - low));

    public TimeSpan Between(TimeSpan low, TimeSpan high) => TimeSpan.FromMilliseconds(Math.Round(Between(low.TotalMilliseconds, high.TotalMilliseconds)));

    public T Pick<T>(IReadOnlyList<T> all) => all[random.Next(all.Count)];
#pragma warning restore CA5394
}
