namespace TokenRefresh.Providers;

/// <summary>The names of the grants, as people and programs write them.</summary>
public static class Grants
{
    /// <summary>All of them, to follow "must be one of".</summary>
    public static string Allowed { get; } = string.Join(", ", Enum.GetNames<Grant>());

    /// <summary>Reads a name in any case.</summary>
    public static bool TryRead(string text, out Grant grant)
    {
        var name = Enum.GetNames<Grant>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
        grant = name is null ? default : Enum.Parse<Grant>(name);
        return name is not null;
    }
}
