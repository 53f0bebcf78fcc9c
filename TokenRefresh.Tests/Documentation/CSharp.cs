using System.Reflection;
using Shouldly;

namespace TokenRefresh.Tests.Documentation;

/// <summary>Compiles a sample with the SDK's own compiler, against what the tests themselves run on, and runs it in a process of its own.</summary>
internal static class CSharp
{
    // What a console project has by itself.
    private static readonly string[] Implicit =
        ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks"];

    public static async Task<SampleEnd> RunAsync(string text, string key)
    {
        var folder = Directory.CreateTempSubdirectory("tokenrefresh-sample-");
        try
        {
            var (source, usings, program) = (Path.Combine(folder.FullName, "Sample.cs"), Path.Combine(folder.FullName, "Usings.cs"), Path.Combine(folder.FullName, "Sample.dll"));
            await File.WriteAllTextAsync(source, text);
            await File.WriteAllTextAsync(usings, string.Concat(Implicit.Select(name => $"global using {name};\n")));
            var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(file => $"-r:{file}");
            var options = Path.Combine(folder.FullName, "options.rsp");
            await File.WriteAllLinesAsync(options, [.. references.Select(reference => $"\"{reference}\""), "-nologo", "-nullable:enable", "-warnaserror+", "-target:exe", $"-out:{program}", source, usings]);
            var compiled = await Sample.RunAsync("dotnet", [Compiler(), "-noconfig", $"@{options}"], []);
            compiled.ExitCode.ShouldBe(0, compiled.Out);

            var tests = Path.Combine(AppContext.BaseDirectory, Assembly.GetExecutingAssembly().GetName().Name!);
            return await Sample.RunAsync(
                "dotnet", ["exec", "--runtimeconfig", $"{tests}.runtimeconfig.json", "--depsfile", $"{tests}.deps.json", program], new() { ["TOKENREFRESH_KEY"] = key });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Compiler()
    {
        var dotnet = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
        return Directory.GetFiles(Path.Combine(dotnet, "sdk"), "csc.dll", SearchOption.AllDirectories).Where(file => file.Contains("bincore", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Last();
    }
}
