using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>There can be no rotation now; the message says why, and what to do.</summary>
public sealed class RotationRefusedException(string message) : Exception(message);

/// <summary>
/// The sealing keys as this node knows them. Data Protection reads its ring once a day; this one reads it again when it is
/// notified of a new key, and when it meets a secret whose key it does not know, so that a rotation at one node stops no other.
/// </summary>
public sealed class KeyRing(IServiceProvider root) : IDataProtectionProvider, IChangeSubscriber, IDisposable
{
    // What Data Protection puts before every secret: four fixed bytes and the key's id.
    private const uint Magic = 0x09F0C9F0;
    private const int Header = 20;

    /// <summary>Foreign secrets by the thousand must not become readings by the thousand.</summary>
    private static readonly TimeSpan ReadingsApart = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan KeyLife = TimeSpan.FromDays(90);

    /// <summary>Data Protection seals with keys that are to be activated within this, as other nodes' clocks may be ahead.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    // The store and the master key are asked for at the first use: pages want a key ring when they are mapped, before the database is up.
    // Data Protection goes by the machine's clock, so its keys do.
    private readonly TimeProvider clock = TimeProvider.System;
    private readonly Lock gate = new();
    private volatile Reading? current;

    /// <summary>The key that seals now.</summary>
    public Guid SealingKey => KeyOf(Current.Provider.CreateProtector(nameof(SealingKey)).Protect([]))!.Value;

    /// <inheritdoc />
    public IDataProtector CreateProtector(string purpose) => new Protector(this, [purpose]);

    string IChangeSubscriber.Payload => ChangeFeed.Keys;

    /// <summary>Reads the ring again.</summary>
    public void Reload() => Read();

    Task IChangeSubscriber.ReloadAsync(CancellationToken cancellationToken)
    {
        Reload();
        return Task.CompletedTask;
    }

    /// <summary>Makes a key that seals from now on, here at once and at other nodes as soon as they read the ring.</summary>
    /// <param name="inUse">The keys of all that is sealed.</param>
    /// <exception cref="RotationRefusedException">A clock is off by so much that the new key would not be the one that seals.</exception>
    public void CreateKey(IReadOnlySet<Guid> inUse)
    {
        var reading = Read();
        var now = clock.GetUtcNow();

        // In the last days of a key Data Protection makes the next one ahead. It has sealed nothing, and what is rotated must not come to be sealed with a
        // key that was there before.
        foreach (var ahead in reading.Keys.Where(key => key.ActivationDate > now + Skew && !key.IsRevoked))
        {
            if (inUse.Contains(ahead.KeyId))
            {
                throw new RotationRefusedException(
                    $"By this machine's clock, {now:u}, the key {ahead.KeyId} must not be used before {ahead.ActivationDate:u}, but secrets are already encrypted with it: "
                    + "this clock is behind, or another machine's clock was ahead. Correct the clocks, or rotate after that time.");
            }

            reading.Manager.RevokeKey(ahead.KeyId, "a newer one was created too early");
        }

        // Data Protection seals with the key that was activated last.
        var latest = reading.Keys.Select(key => key.ActivationDate).Where(activation => activation <= now + Skew).DefaultIfEmpty(DateTimeOffset.MinValue).Max();
        var activation = now > latest ? now : latest.AddSeconds(1);
        var made = reading.Manager.CreateNewKey(activation, activation + KeyLife).KeyId;
        Reload();
        if (SealingKey != made)
        {
            throw new RotationRefusedException($"The new key {made} is not the active one, {SealingKey}: another machine's clock may be ahead of this one. Rotate again in five minutes.");
        }
    }

    /// <summary>Makes the first key of a new database.</summary>
    public void EnsureKey()
    {
        if (Read().Keys.Count == 0)
        {
            CreateKey(FrozenSet<Guid>.Empty);
        }
    }

    /// <summary>The key that a secret was sealed with, or null where it is no sealed secret.</summary>
    internal static Guid? KeyOf(ReadOnlySpan<byte> sealedSecret) =>
        sealedSecret.Length >= Header && BinaryPrimitives.ReadUInt32BigEndian(sealedSecret) == Magic ? new Guid(sealedSecret[4..Header]) : null;

    /// <inheritdoc />
    public void Dispose() => current?.Dispose();

    private Reading Current => current ?? Read();

    private Reading Read()
    {
        lock (gate)
        {
            // The one before is not disposed of: it may be at work.
            return current = Reading.Make(root, clock.GetTimestamp());
        }
    }

    private Reading ReadUnlessJustDone()
    {
        lock (gate)
        {
            return current is { } recent && clock.GetElapsedTime(recent.At) < ReadingsApart ? recent : Read();
        }
    }

    private sealed class Protector(KeyRing ring, IReadOnlyList<string> purposes) : IDataProtector
    {
        public IDataProtector CreateProtector(string purpose) => new Protector(ring, [.. purposes, purpose]);

        public byte[] Protect(byte[] plaintext) => ring.Current.Provider.CreateProtector(purposes).Protect(plaintext);

        public byte[] Unprotect(byte[] protectedData)
        {
            var reading = ring.Current;
            if (KeyOf(protectedData) is { } key && !reading.Knows(key))
            {
                reading = ring.ReadUnlessJustDone();
            }

            return reading.Provider.CreateProtector(purposes).Unprotect(protectedData);
        }
    }

    private sealed record Reading(ServiceProvider Services, IReadOnlyCollection<IKey> Keys, long At) : IDisposable
    {
        private readonly FrozenSet<Guid> ids = Keys.Select(key => key.KeyId).ToFrozenSet();

        public IDataProtectionProvider Provider { get; } = Services.GetRequiredService<IDataProtectionProvider>();

        public IKeyManager Manager { get; } = Services.GetRequiredService<IKeyManager>();

        public static Reading Make(IServiceProvider root, long now)
        {
            var contexts = root.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>();
            var masterKey = root.GetRequiredService<MasterKey>();
            var services = new ServiceCollection().AddLogging().AddSingleton(masterKey).AddScoped(_ => contexts.CreateDbContext());
            var built = services.AddSealingKeys().BuildServiceProvider();
            var reading = new Reading(built, built.GetRequiredService<IKeyManager>().GetAllKeys(), now);
            if (reading.Keys.Count > 0)
            {
                // Data Protection would load its ring at the first use, which may be the sealing of an answer while the database is unreachable.
                reading.Provider.CreateProtector(nameof(KeyRing)).Protect([]);
            }

            return reading;
        }

        public bool Knows(Guid key) => ids.Contains(key);

        public void Dispose() => Services.Dispose();
    }
}

/// <summary>Where Data Protection keeps its keys: in the database, each encrypted with the master key.</summary>
internal static class SealingKeys
{
    public static IServiceCollection AddSealingKeys(this IServiceCollection services)
    {
        services.AddDataProtection()
            .SetApplicationName(SecretProtection.Application)
            .PersistKeysToDbContext<TokenRefreshDbContext>();
        services.AddOptions<KeyManagementOptions>()
            .Configure<MasterKey>((options, masterKey) => options.XmlEncryptor = new MasterKeyXmlEncryptor(masterKey));
        return services;
    }
}
