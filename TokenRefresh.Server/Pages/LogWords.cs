using System.Globalization;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;

namespace TokenRefresh.Server.Pages;

/// <summary>How rows of the log read on pages.</summary>
internal static class LogWords
{
    /// <summary>As the stylesheet names it.</summary>
    public static string Kind(AttemptStatus status) => status switch
    {
        AttemptStatus.Success => "is-well",
        AttemptStatus.Failed => "is-ill",
        AttemptStatus.Running => "is-warning",
        _ => "is-aside",
    };

    public static string Rate(double? percent) => percent is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share:0.#} %") : "–";

    public static string Duration(double? milliseconds) => DurationFormat.Measured(milliseconds);
}
