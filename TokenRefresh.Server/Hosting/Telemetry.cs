using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Hosting;

/// <summary>Whether the server shows its metrics, bound from <c>Metrics</c>.</summary>
internal sealed class MetricsOptions
{
    public const string Section = "Metrics";

    /// <summary>True answers Prometheus at <c>/metrics</c>, without a sign-in. Default false.</summary>
    public bool Enabled { get; set; }
}

/// <summary>Metrics and traces by OpenTelemetry: scraped at <c>/metrics</c>, and pushed where the standard <c>OTEL_EXPORTER_OTLP_…</c> variables say.</summary>
internal static class Telemetry
{
    private static readonly string[] Meters = [TokenMetrics.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Npgsql", "System.Net.Http", "System.Runtime"];
    private static readonly string[] Sources = [TokenMetrics.Name, "Microsoft.AspNetCore", "Npgsql", "System.Net.Http"];

    public static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSettings<MetricsOptions>(MetricsOptions.Section);
        var isPushed = configuration.GetChildren().Any(setting =>
            setting.Key.StartsWith("OTEL_EXPORTER_OTLP_", StringComparison.OrdinalIgnoreCase) && setting.Key.EndsWith("ENDPOINT", StringComparison.OrdinalIgnoreCase) && !string.IsNullOrWhiteSpace(setting.Value));
        if (!IsScraped(configuration) && !isPushed)
        {
            return services;
        }

        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("tokenrefresh", serviceInstanceId: NodeName.Current.Value).AddEnvironmentVariableDetector())
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(Meters);
                if (IsScraped(configuration))
                {
                    metrics.AddPrometheusExporter();
                }
            });
        if (isPushed)
        {
            telemetry.WithTracing(traces => traces.AddSource(Sources)).UseOtlpExporter();
        }

        return services;
    }

    public static void MapMetrics(this WebApplication app)
    {
        if (IsScraped(app.Configuration))
        {
            app.MapPrometheusScrapingEndpoint("/metrics").AllowAnonymous().ExcludeFromDescription();
        }
    }

    // Read before the options exist; a value that is neither true nor false is refused by their validation.
    private static bool IsScraped(IConfiguration configuration) =>
        bool.TryParse(configuration[$"{MetricsOptions.Section}:{nameof(MetricsOptions.Enabled)}"], out var isScraped) && isScraped;
}
