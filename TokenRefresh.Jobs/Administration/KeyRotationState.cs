namespace TokenRefresh.Jobs.Administration;

/// <summary>The last rotation of the key that seals secrets. One that was cut short is resumed by the next.</summary>
internal sealed class KeyRotationState
{
    /// <summary>There is one row.</summary>
    public int Id { get; init; } = 1;

    /// <summary>The new key.</summary>
    public Guid Key { get; private set; }

    /// <summary>Who began it.</summary>
    public string BegunBy { get; private set; } = "";

    /// <summary>When it was begun.</summary>
    public DateTimeOffset BegunAt { get; private set; }

    /// <summary>When everything was sealed with the new key; null before.</summary>
    public DateTimeOffset? EndedAt { get; private set; }

    /// <summary>A rotation to another key begins.</summary>
    public void Begin(Guid key, string by, DateTimeOffset now) => (Key, BegunBy, BegunAt, EndedAt) = (key, by, now, null);

    /// <summary>Everything is sealed with the new key.</summary>
    public void End(DateTimeOffset now) => EndedAt = now;
}
