using System.Security.Cryptography;
using System.Text;
using Harness.Campaigns;
using Harness.Model;
using Harness.Verification.Checks;

namespace Harness.Cli;

/// <summary>
/// A cell and a plan of <c>check</c> in one word that a shell leaves alone: <c>ck1+cell+fault+splits+memory+checksum</c>. It says nothing of the program: with
/// another one, or a mended one, it asks the same of that.
/// </summary>
public static class CheckToken
{
    private const string Version = "ck1";
    private const char Separator = '+';
    private const int ChecksumDigits = 6;
    private const int MaxCharacters = 64 << 10;

    public static string Write(Cell cell, CheckPlan plan)
    {
        var text = $"{Version}{Separator}{cell}{Separator}{plan}".Replace(' ', Separator);
        return text + Separator + Checksum(text);
    }

    /// <exception cref="UsageException">Damaged, or of another version; one line that says how to mend it.</exception>
    public static (Cell Cell, CheckPlan Plan) Read(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (token.Length > MaxCharacters || token.Split(Separator) is not [var version, var cellName, var fault, var splits, var memory, var checksum])
        {
            throw new UsageException($"--plan {Shown(token)} is not a plan; copy the word that check printed, all of it (it begins with {Version}{Separator})");
        }

        if (version != Version)
        {
            throw new UsageException($"--plan {Shown(token)} is of version {Shown(version)}, and this harness reads {Version}; check the program again for a new one");
        }

        if (checksum != Checksum(token[..^(checksum.Length + 1)]))
        {
            throw new UsageException($"--plan {Shown(token)} is damaged (its checksum does not match); copy it again, all of it");
        }

        try
        {
            var plan = CheckPlan.Parse($"{fault} {splits} {memory}");
            return (CellMatrix.Parse(cellName) ?? throw new FormatException(cellName), plan);
        }
        catch (FormatException)
        {
            throw new UsageException($"--plan {Shown(token)} asks for what this harness does not know; check the program again for a new one");
        }
    }

    private static string Checksum(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..ChecksumDigits];

    private static string Shown(string text) => text.Length <= 80 ? text : text[..80] + "…";
}
