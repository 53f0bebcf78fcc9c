using System.Globalization;

namespace TokenRefresh.Bench;

/// <summary>The settings of nodes that refresh many tokens at a provider in Jibit's shape.</summary>
internal static class NodeSettings
{
    public const string ConnectionString = "ConnectionStrings__TokenRefresh";

    /// <summary>The name of one of the tokens.</summary>
    public static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"t{number:00000}");

    public static Dictionary<string, string> Of(string connectionString, string folder, string provider, int tokens)
    {
        var settings = new Dictionary<string, string>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            [ConnectionString] = connectionString,
            ["Data__Directory"] = folder,
            ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[32]),
            ["Providers__Jibit__BaseUrl"] = provider,
            ["Providers__Jibit__ApiKey"] = "key",
            ["Providers__Jibit__SecretKey"] = "secret",
            ["Providers__Jibit__MaxConcurrency"] = "500",
            ["Api__ReadsPerSecond"] = "1000000",
            ["Logging__LogLevel__Default"] = "Error",
        };
        foreach (var number in Enumerable.Range(0, tokens))
        {
            settings[$"Tokens__{Name(number)}__Provider"] = "jibit";
        }

        return settings;
    }
}
