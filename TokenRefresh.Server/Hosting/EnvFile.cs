using DotNetEnv;

namespace TokenRefresh.Server.Hosting;

/// <summary>Reads <c>.env</c> files into the configuration, below the real environment.</summary>
internal static class EnvFile
{
    // The seed's own names go on working; ours win where both are set.
    private static readonly Dictionary<string, string> Aliases = new()
    {
        ["TOKEN_REFRESH_NOTIFICATIONS_ENABLED"] = "TokenRefresh:Notifications:Enabled",
        ["ADMIN_EMAIL"] = "TokenRefresh:Notifications:Email",
    };

    /// <summary>All pairs of the files, in configuration spelling; of a key that stands twice, the later. A name of the seed counts where ours is not there or empty.</summary>
    /// <exception cref="EnvFileException">A file cannot be read or parsed.</exception>
    public static Dictionary<string, string?> Read(IEnumerable<string> files)
    {
        var pairs = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var seeds = new Dictionary<string, string?>();
        foreach (var file in files)
        {
            try
            {
                foreach (var (key, value) in Env.NoEnvVars().Load(file))
                {
                    if (Aliases.TryGetValue(key, out var ours))
                    {
                        seeds[ours] = value;
                    }
                    else
                    {
                        pairs[key.Replace("__", ":", StringComparison.Ordinal)] = value;
                    }
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or Sprache.ParseException or FormatException)
            {
                throw new EnvFileException($"{file} cannot be read ({error.GetType().Name}): each line is KEY=value or a comment.", error);
            }
        }

        foreach (var (key, value) in seeds.Where(seed => string.IsNullOrWhiteSpace(pairs.GetValueOrDefault(seed.Key))))
        {
            pairs[key] = value;
        }

        return pairs;
    }

    /// <summary>The seed's names out of the real environment.</summary>
    public static Dictionary<string, string?> FromEnvironment() => Aliases
        .Where(alias => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(alias.Key)))
        .ToDictionary(alias => alias.Value, alias => Environment.GetEnvironmentVariable(alias.Key));
}

/// <summary>A <c>.env</c> file is wrong; the message names it and nothing that it holds.</summary>
internal sealed class EnvFileException(string message, Exception inner) : Exception(message, inner);
