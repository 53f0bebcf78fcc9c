using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace TokenRefresh.Providers;

/// <summary>What came of making a provider.</summary>
public abstract record ProviderBuild
{
    private ProviderBuild()
    {
    }

    /// <summary>It is made.</summary>
    public sealed record Built(BuiltProvider Provider) : ProviderBuild;

    /// <summary>Some settings are wrong.</summary>
    /// <param name="Complaints">One sentence for each; no secrets.</param>
    public sealed record Refused(IReadOnlyList<string> Complaints) : ProviderBuild;
}

/// <summary>A provider that was made at run time, with the connections that it holds.</summary>
public sealed class BuiltProvider : IAsyncDisposable
{
    private readonly ServiceProvider parts;

    internal BuiltProvider(ServiceProvider parts) => (this.parts, Provider) = (parts, parts.GetRequiredService<ITokenProvider>());

    /// <summary>The provider.</summary>
    public ITokenProvider Provider { get; }

    /// <summary>Ends its connections; to be called once its last call has ended.</summary>
    public ValueTask DisposeAsync() => parts.DisposeAsync();
}

/// <summary>Makes providers at run time, of the same parts and by the same checks as those of the settings.</summary>
public sealed class ProviderFactory(IConfiguration configuration, TimeProvider clock)
{
    /// <summary>Makes a provider.</summary>
    /// <param name="name">Its name in lower case.</param>
    /// <param name="settings">Its settings, secrets included, by their names in any case.</param>
    public ProviderBuild Build(string name, ProviderType type, IReadOnlyDictionary<string, string> settings)
    {
        var section = $"{ProviderOptions.Section}:{name}";
        var own = new ConfigurationBuilder().AddInMemoryCollection(
        [
            .. settings.Select(setting => KeyValuePair.Create($"{section}:{setting.Key}", (string?)setting.Value)),
            .. configuration.GetSection(HttpOptions.Section).GetChildren().Select(setting => KeyValuePair.Create(setting.Path, setting.Value)),
        ]).Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(own).AddSingleton(clock).AddOutgoingRequests();
        type.Add(services, name, true);
        var parts = services.BuildServiceProvider();
        try
        {
            parts.GetRequiredService<IStartupValidator>().Validate();
            return new ProviderBuild.Built(new(parts));
        }
        catch (OptionsValidationException wrong)
        {
            return Refuse(wrong.Failures);
        }
        catch (AggregateException several) when (several.InnerExceptions.All(error => error is OptionsValidationException))
        {
            return Refuse(several.InnerExceptions.Cast<OptionsValidationException>().SelectMany(wrong => wrong.Failures));
        }

        ProviderBuild.Refused Refuse(IEnumerable<string> failures)
        {
            parts.Dispose();
            var prefix = section.Replace(":", "__", StringComparison.Ordinal);
            return new([.. failures.Distinct().Select(failure => WithoutValue(failure.Replace($"{prefix}__", "", StringComparison.Ordinal).Replace(prefix, $"a provider of type {type.Name}", StringComparison.Ordinal)))]);
        }
    }

    /// <summary>A complaint without the value that it is about: a secret may have been typed into the wrong field.</summary>
    public static string WithoutValue(string complaint) =>
        complaint.IndexOf(" = ", StringComparison.Ordinal) is > 0 and var from && complaint.LastIndexOf(" is not allowed: ", StringComparison.Ordinal) is var to && to > from
            ? $"{complaint[..from]}{complaint[to..]}"
            : complaint;
}
