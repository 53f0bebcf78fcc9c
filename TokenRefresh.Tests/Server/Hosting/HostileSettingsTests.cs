using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>Every setting of <c>.env.example</c> with every hostile value: it is taken, or refused by its name with what is allowed; nothing else happens.</summary>
public sealed partial class HostileSettingsTests
{
    private const string Planted = "planted";

    private static readonly string[] Values =
    [
        " ", "-1", "0", "1", "2147483648", "99999999999999999999", "1e400", "-0", "0x10", "1,5", "NaN", "Infinity", "true", "null", "[]", "text",
        "-00:00:01", "00:00:00", "24:00:00", "10675199.02:48:05.4775807", "-10675199.02:48:05.4775808", "99999999.00:00:00",
        "* * * * *", "0 0 31 2 *", "http://", "http://[::1", "ftp://example.com", "https://example.com/?a=b#c", "//example.com", "a=b,a=c", "=", ",,,",
        $"{Planted}\nnext line", $"{Planted}\r\nBcc: all@example.com", $"{Planted}\u001b[31m\u0007", $"{Planted}\u0000", $"{Planted}\u202e\ud83d\udd11 کلید", $"{Planted}\ud800",
        $"'{Planted}\"; DROP TABLE tokens; --", $"../../{Planted}", $"%00{Planted}", $"Host={Planted};Port=x", $"{{0}}{Planted}",
    ];

    private static readonly string[] Tried = [.. Keys().Select(key => key.Replace("Acme", "Jibit3", StringComparison.Ordinal))];

    public static TheoryData<int> Shares => [.. Enumerable.Range(0, 4)];

    [Fact]
    public void The_example_file_names_the_settings_to_try() => Tried.Length.ShouldBeGreaterThan(80);

    // Many at once, because a host takes a while to put together: whatever is refused is left out of the next round, until all that is left is taken.
    [Theory]
    [MemberData(nameof(Shares))]
    public void A_hostile_value_is_taken_or_refused_by_its_key_with_what_is_allowed(int share)
    {
        var findings = new List<string>();
        foreach (var value in Values.Append(new string('9', 5000)).Where((_, at) => at % Shares.Count == share))
        {
            var keys = Tried.ToList();
            while (Refusals(keys, value) is { Count: > 0 } refusals)
            {
                findings.AddRange(refusals.Where(line => !Refusal().IsMatch(line) || IsSecretShown(line)).Select(line => $"{Short(value)}: {line}"));
                var refused = keys.RemoveAll(key => refusals.Any(line => line.StartsWith(key.Replace(":", "__", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase) || line.Contains(Name(key), StringComparison.Ordinal)));
                if (refused == 0)
                {
                    findings.Add($"{Short(value)}: refused, and none of {string.Join(", ", keys)} is the reason");
                    break;
                }
            }
        }

        findings.ShouldBeEmpty(string.Join('\n', findings));
    }

    // By another setting than the one that is shown, as a webhook's address asks for a secret.
    private static string Name(string key) => key.Split(':')[^1];

    private static bool IsSecretShown(string line) => IsSecret(line.Split(' ')[0]) && line.Contains(Planted, StringComparison.Ordinal);

    private static List<string> Refusals(List<string> keys, string value)
    {
        try
        {
            using var app = (IDisposable)ServerHost.Build(Pairs(keys, value), Roles.All);
            var services = ((WebApplication)app).Services;
            StartUp.Validate(services);

            // What was taken must work where it is put together.
            _ = services.GetRequiredService<ConfiguredTokens>().All.Count;
            _ = services.GetRequiredService<ITokenProviders>().All.Select(provider => provider.SettingsDigest).ToList();
            _ = services.GetRequiredService<IOptions<ScheduleOptions>>().Value.DueCheckPeriod(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
            return [];
        }
        catch (OptionsValidationException error)
        {
            return [.. error.Failures.Distinct()];
        }
        catch (AggregateException errors) when (errors.InnerExceptions.All(error => error is OptionsValidationException))
        {
            return [.. errors.InnerExceptions.Cast<OptionsValidationException>().SelectMany(error => error.Failures).Distinct()];
        }
        catch (Exception error)
        {
            return [$"{error.GetType().Name} {error.Message} {error.StackTrace?.Split('\n')[0]}"];
        }
    }

    private static Dictionary<string, string?> Pairs(IEnumerable<string> keys, string value)
    {
        var pairs = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["environment"] = "Development",
            ["Providers:Jibit3:Type"] = "OAuth2",
            ["Providers:Jibit3:TokenUrl"] = "https://login.example.com/oauth/token",
            ["Providers:Jibit2:Type"] = "Jibit",
            ["Tokens:jibit2:Provider"] = "Jibit2",
            ["Tokens:fino_mine:Provider"] = "Finnotech",
        };
        foreach (var key in keys)
        {
            pairs[key] = value;
        }

        return pairs;
    }

    private static IEnumerable<string> Keys() => File.ReadLines(Path.Combine(HostPaths.Current.RepositoryRoot!, ".env.example"))
        .Select(line => KeyLine().Match(line).Groups[1].Value.Replace("__", ":", StringComparison.Ordinal)).Where(key => key.Contains(':', StringComparison.Ordinal));

    private static bool IsSecret(string key) =>
        new[] { "Secret", "Password", "ApiKey", "MasterKey", "ConnectionStrings" }.Any(word => key.Contains(word, StringComparison.Ordinal));

    private static string Short(string value) =>
        string.Concat(value.Take(40).Select(sign => sign is < ' ' or > '~' ? $"\\u{((int)sign).ToString("x4", CultureInfo.InvariantCulture)}" : $"{sign}"));

    [GeneratedRegex(@"^#?([A-Za-z]+(?:__\w+)+)=")]
    private static partial Regex KeyLine();

    [GeneratedRegex(@"\A[A-Za-z]+__.+ (is not allowed: \w.+\.|is not a setting; .+\.)\z", RegexOptions.Singleline)]
    private static partial Regex Refusal();
}
