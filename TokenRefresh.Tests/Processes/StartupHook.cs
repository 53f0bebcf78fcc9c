using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using TokenRefresh.Tests.Processes;

/// <summary>
/// Runs inside a child process, before the program: the runtime calls it because <c>DOTNET_STARTUP_HOOKS</c> names this assembly, and asks for this name
/// outside any namespace. It calls the program's own <c>Main</c> for each line on stdin, so that only the first calls wait for the compiler.
/// </summary>
internal static class StartupHook
{
    private static readonly string Elsewhere = Path.GetTempPath();

    /// <summary>What the runtime calls; the process ends with its stdin.</summary>
    public static void Initialize()
    {
        Environment.SetEnvironmentVariable(WarmCall.HookVariable, null);
        var main = Assembly.Load(WarmCall.Program).EntryPoint!;

        // A copy of the handle of stdin, which stays what it is when calls get a stdin of their own.
        var lines = new StreamReader(Console.OpenStandardInput());
        using var calls = new BlockingCollection<WarmCall>();
        new Thread(Listen) { IsBackground = true }.Start();
        foreach (var call in calls.GetConsumingEnumerable())
        {
            var exitCode = Run(main, call);
            Console.Error.Write($"\n{WarmCall.End}{exitCode}\n");
            Console.Out.Write($"\n{WarmCall.End}{exitCode}\n");
        }

        // Whatever runs here when the tests end, ends with them.
        void Listen()
        {
            while (lines.ReadLine() is { } line)
            {
                calls.Add(JsonSerializer.Deserialize<WarmCall>(line)!);
            }

            Environment.Exit(0);
        }
    }

    private static int Run(MethodInfo main, WarmCall call)
    {
        var before = call.Environment.Keys.ToDictionary(name => name, Environment.GetEnvironmentVariable);
        var input = Path.GetTempFileName();
        File.WriteAllBytes(input, call.Input);
        using var opened = File.OpenHandle(input, options: FileOptions.DeleteOnClose);
        try
        {
            foreach (var (name, value) in call.Environment)
            {
                Environment.SetEnvironmentVariable(name, value);
            }

            Environment.CurrentDirectory = call.Folder;
            if (Duplicate((int)opened.DangerousGetHandle(), 0) != 0)
            {
                throw new IOException($"stdin cannot be replaced: {Marshal.GetLastPInvokeErrorMessage()}");
            }

            Console.SetIn(new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false));
            return main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [call.Args], null) as int? ?? 0;
        }
        catch (Exception error)
        {
            // As the runtime ends a process that does not catch what it throws.
            Console.Error.WriteLine($"Unhandled exception. {error}");
            return 134;
        }
        finally
        {
            Environment.CurrentDirectory = Elsewhere;
            foreach (var (name, value) in before)
            {
                Environment.SetEnvironmentVariable(name, value);
            }
        }
    }

    [DllImport("libc", EntryPoint = "dup2", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Duplicate(int handle, int asHandle);
}
