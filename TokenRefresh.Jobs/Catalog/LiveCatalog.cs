using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>
/// Keeps this node's managed providers those of the database. A provider is made anew for each version of its row; calls in flight end with the one that they began with.
/// </summary>
public sealed partial class LiveCatalog(
    IDbContextFactory<TokenRefreshDbContext> contexts, SecretProtection secrets, ProviderFactory factory, ManagedProviders managed, ConfiguredTokens tokens,
    TimeProvider clock, ILogger<LiveCatalog> log) : IChangeSubscriber, IAsyncDisposable
{
    /// <summary>The connections of a provider that was changed or removed are ended after this: no call takes as long.</summary>
    private static readonly TimeSpan EndOfCalls = 3 * ProviderOptions.LongestTimeout;

    private readonly SemaphoreSlim reading = new(1, 1);
    private readonly ConcurrentDictionary<string, Live> live = new(StringComparer.Ordinal);

    string IChangeSubscriber.Payload => ChangeFeed.Catalog;

    /// <summary>Reads the managed providers; in force once it has ended.</summary>
    public async Task ReloadAsync(CancellationToken cancellationToken)
    {
        // One reading after the other: an older one must not come after a newer one.
        await reading.WaitAsync(cancellationToken);
        try
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var rows = await db.Providers.AsNoTracking().Where(provider => provider.Origin != Origin.Declared).ToListAsync(cancellationToken);
            Take(rows);
            managed.Replace([.. live.Values.Select(one => one.Built.Provider)]);
            tokens.Follow(live.ToDictionary(one => one.Key, one => one.Value.Renewal, StringComparer.Ordinal));
        }
        finally
        {
            reading.Release();
        }
    }

    /// <summary>Takes over what this node has just stored. Where the database is lost in between, it is taken over once that is back: what is stored is stored.</summary>
    internal async Task CatchUpAsync()
    {
        try
        {
            await ReloadAsync(CancellationToken.None);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            LogNotCaughtUp(DatabaseFaults.InWords(error));
        }
    }

    /// <summary>Makes a provider of settings, without anyone using it yet.</summary>
    internal ProviderBuild Build(string name, ProviderType type, ProviderSettings settings)
    {
        try
        {
            _ = Renewal(name, settings);
        }
        catch (OptionsValidationException wrong)
        {
            return new ProviderBuild.Refused([.. wrong.Failures.Select(failure => ProviderFactory.WithoutValue(failure.Replace($"{ProviderOptions.Section}__{name}__", "", StringComparison.Ordinal)))]);
        }

        return factory.Build(name, type, settings.All);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (var one in live.Values)
        {
            await one.Built.DisposeAsync();
        }

        reading.Dispose();
    }

    private void Take(List<ProviderRow> rows)
    {
        foreach (var gone in live.Keys.Except(rows.Select(row => row.Name)).ToList())
        {
            live.TryRemove(gone, out var one);
            _ = EndAsync(one!.Built);
        }

        foreach (var row in rows.Where(row => !live.TryGetValue(row.Name, out var one) || one.Version != row.Version))
        {
            if (Made(row) is not { } made)
            {
                continue;
            }

            if (live.TryGetValue(row.Name, out var before))
            {
                _ = EndAsync(before.Built);
            }

            live[row.Name] = made;
        }
    }

    // What cannot be made here leaves what was there: a node with the wrong keys goes on with what it has.
    private Live? Made(ProviderRow row)
    {
        try
        {
            var settings = ProviderSettings.Of(row, secrets);
            switch (ProviderTypes.Find(row.Type) is { } type ? Build(row.Name, type, settings) : new ProviderBuild.Refused([$"no type {row.Type} is known to this version"]))
            {
                case ProviderBuild.Built(var built):
                    return new(row.Version, built, Renewal(row.Name, settings));
                case ProviderBuild.Refused(var complaints):
                    LogNotMade(row.Name, string.Join(" ", complaints));
                    return null;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }
        catch (CryptographicException)
        {
            LogNotMade(row.Name, "its stored secrets cannot be decrypted with this node's keys");
            return null;
        }
    }

    private static ProviderRenewalOptions Renewal(string name, ProviderSettings settings)
    {
        var section = $"{ProviderOptions.Section}:{name}";
        var values = new ConfigurationBuilder().AddInMemoryCollection(settings.Plain.Select(setting => KeyValuePair.Create($"{section}:{setting.Key}", (string?)setting.Value))).Build();
        using var parts = new ServiceCollection().AddSingleton<IConfiguration>(values).AddSettings<ProviderRenewalOptions>(section, name, SettingsRegistration.AnyKey).BuildServiceProvider();
        return parts.GetRequiredService<IOptionsMonitor<ProviderRenewalOptions>>().Get(name);
    }

    private async Task EndAsync(BuiltProvider provider)
    {
        await Task.Delay(EndOfCalls, clock, CancellationToken.None);
        await provider.DisposeAsync();
    }

    private sealed record Live(long Version, BuiltProvider Built, ProviderRenewalOptions Renewal);

    [LoggerMessage(1301, LogLevel.Error, "The managed provider {Provider} cannot be used on this node: {Reason}")]
    private partial void LogNotMade(string provider, string reason);

    [LoggerMessage(1309, LogLevel.Warning, "A change of the catalogue is stored, and is in force on this node once the database is back: {Fault}")]
    private partial void LogNotCaughtUp(string fault);
}
