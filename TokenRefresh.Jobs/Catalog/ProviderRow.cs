using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>A provider as the database holds it. The secrets of a declared one stay in the settings; those of a managed one are sealed here.</summary>
public sealed class ProviderRow
{
    private ProviderRow()
    {
    }

    /// <summary>The provider's name in lower case, its key.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Its type, for example <c>OAuth2</c>.</summary>
    public string Type { get; private set; } = "";

    /// <summary>Who made it.</summary>
    public Origin Origin { get; private set; }

    /// <summary>True where it is changed here, and not in the settings.</summary>
    public bool IsManaged => Origin != Origin.Declared;

    /// <summary>False where it is switched off.</summary>
    public bool Enabled { get; private set; }

    /// <summary>True where no required setting is missing.</summary>
    public bool IsConfigured { get; private set; }

    /// <summary>Its settings without secrets, by name: JSON.</summary>
    public string Settings { get; private set; } = "{}";

    /// <summary>Its secrets by name, as JSON that is sealed to this row; null where there are none, or where the settings have them.</summary>
    public string? Secrets { get; private set; }

    /// <summary>Counts the changes; a writer that read an older one loses.</summary>
    public long Version { get; private set; }

    /// <summary>When the row was made.</summary>
    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>When it was last changed.</summary>
    public DateTimeOffset ChangedAt { get; private set; }

    internal static ProviderRow New(string name, Origin origin, DateTimeOffset now) => new() { Name = name, Origin = origin, CreatedAt = now, ChangedAt = now };

    /// <summary>Takes other settings over; false where nothing is different.</summary>
    internal bool Change(string type, Origin origin, (bool IsEnabled, bool IsConfigured) state, string settings, string? secrets, DateTimeOffset now)
    {
        if (Version > 0 && (Type, Origin, Enabled, IsConfigured, Settings, Secrets) == (type, origin, state.IsEnabled, state.IsConfigured, settings, secrets))
        {
            return false;
        }

        (Type, Origin, Enabled, IsConfigured, Settings, Secrets) = (type, origin, state.IsEnabled, state.IsConfigured, settings, secrets);
        (Version, ChangedAt) = (Version + 1, now);
        return true;
    }
}
