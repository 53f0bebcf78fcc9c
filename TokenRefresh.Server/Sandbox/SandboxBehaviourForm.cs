using System.Globalization;
using System.Text.Json;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Reads a behaviour that a person wrote. One wrong field refuses the whole, with what would have been right.</summary>
internal static class SandboxBehaviourForm
{
    private const int Day = 86_400;
    private const int TenYears = 3650 * Day;

    private static readonly Field[] Fields =
    [
        Choice<SandboxMode>("mode", (behaviour, mode) => behaviour with { Mode = mode }),
        Seconds("delay_seconds", 0, Day, (behaviour, delay) => behaviour with { Delay = delay }),
        Seconds("retry_after_seconds", 0, Day, (behaviour, pause) => behaviour with { RetryAfter = pause }),
        Number("fail_next", 1, 1_000_000, (behaviour, calls) => behaviour with { FailNext = calls }),
        Seconds("lifetime_seconds", 1, TenYears, (behaviour, lifetime) => behaviour with { Lifetime = lifetime }),
        Seconds("refresh_lifetime_seconds", 1, TenYears, (behaviour, lifetime) => behaviour with { RefreshLifetime = lifetime }),
        Flag("rotate", (behaviour, on) => behaviour with { Rotate = on }),
        Flag("kill_old_refresh", (behaviour, on) => behaviour with { KillOldRefresh = on }),
        Flag("kill_old_access", (behaviour, on) => behaviour with { KillOldAccess = on }),
        Flag("early_refresh_refused", (behaviour, on) => behaviour with { EarlyRefreshRefused = on }),
        Flag("lifetime_as_string", (behaviour, on) => behaviour with { LifetimeAsString = on }),
        Choice<MalformedShape>("malformed_shape", (behaviour, shape) => behaviour with { MalformedShape = shape }),
    ];

    /// <summary>What may be written, by field.</summary>
    public static IReadOnlyDictionary<string, string> Allowed { get; } = Fields.ToDictionary(field => field.Name, field => field.Allowed);

    /// <summary>The behaviour, or null and the faults by field.</summary>
    public static SandboxBehaviour? Read(JsonElement form, out IReadOnlyDictionary<string, string[]> faults)
    {
        var found = new Dictionary<string, string[]>();
        var behaviour = new SandboxBehaviour();
        foreach (var property in form.EnumerateObject())
        {
            if (Fields.FirstOrDefault(field => field.Name == property.Name) is not { } field)
            {
                found[property.Name] = [$"Unknown field. Allowed: {string.Join(", ", Allowed.Keys)}."];
            }
            else if (field.Apply(behaviour, property.Value) is not { } changed)
            {
                found[property.Name] = [$"Allowed: {field.Allowed}."];
            }
            else
            {
                behaviour = changed;
            }
        }

        faults = found;
        return found.Count == 0 ? behaviour : null;
    }

    private static Field Choice<T>(string name, Func<SandboxBehaviour, T, SandboxBehaviour> set)
        where T : struct, Enum
    {
        // The names are the serializer's, so what is read is what is stored and shown.
        var choices = Enum.GetValues<T>().ToDictionary(choice => JsonSerializer.Serialize(choice).Trim('"'));
        return new(name, string.Join(", ", choices.Keys), (behaviour, value) =>
            value.ValueKind is JsonValueKind.String or JsonValueKind.Number && choices.TryGetValue(Normal(value.ToString()), out var choice)
                ? set(behaviour, choice)
                : null);
    }

    private static string Normal(string written) => written.Trim().ToLowerInvariant().Replace('-', '_').Replace(' ', '_');

    private static Field Number(string name, int least, int most, Func<SandboxBehaviour, int, SandboxBehaviour> set) =>
        new(name, string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"), (behaviour, value) =>
            value.ValueKind is JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least && number <= most
                ? set(behaviour, number)
                : null);

    private static Field Seconds(string name, int least, int most, Func<SandboxBehaviour, TimeSpan, SandboxBehaviour> set) =>
        Number(name, least, most, (behaviour, seconds) => set(behaviour, TimeSpan.FromSeconds(seconds)));

    private static Field Flag(string name, Func<SandboxBehaviour, bool, SandboxBehaviour> set) =>
        new(name, "true or false", (behaviour, value) =>
            value.ValueKind is JsonValueKind.True or JsonValueKind.False ? set(behaviour, value.GetBoolean()) : null);

    private sealed record Field(string Name, string Allowed, Func<SandboxBehaviour, JsonElement, SandboxBehaviour?> Set)
    {
        // A null is as good as not written: the default stands.
        public SandboxBehaviour? Apply(SandboxBehaviour behaviour, JsonElement value) =>
            value.ValueKind is JsonValueKind.Null ? behaviour : Set(behaviour, value);
    }
}
