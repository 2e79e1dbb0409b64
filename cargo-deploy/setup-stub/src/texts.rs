//! What is shown to people, by language.

use alloc::string::String;

/// What is shown. `{0}` stands for the application's name, or for what is said of it.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The language, as Windows names it; a region only where languages differ by it.
    language: &'static str,
    /// The title of the window while something is installed.
    pub(crate) title: &'static str,
    /// While files are written.
    pub(crate) installing: &'static str,
    /// While the running application is closed.
    pub(crate) closing: &'static str,
    /// While files are removed.
    pub(crate) removing: &'static str,
    /// It is there.
    pub(crate) installed: &'static str,
    /// It is gone.
    pub(crate) removed: &'static str,
    /// Whether it is to be removed.
    pub(crate) remove: &'static str,
    /// Whether the running application may be closed.
    pub(crate) running: &'static str,
    /// Who it is for.
    pub(crate) for_whom: &'static str,
    /// For this user.
    pub(crate) for_me: &'static str,
    /// For everybody.
    pub(crate) for_all: &'static str,
    /// A newer version is there. `{0}` is its number.
    pub(crate) newer: &'static str,
    /// It could not be done, and everything is as before. `{0}` is why.
    pub(crate) failed: &'static str,
    /// The file is not what it was.
    pub(crate) damaged: &'static str,
    /// There is not enough room. `{0}` is how much is needed.
    pub(crate) no_space: &'static str,
    /// Another installation runs.
    pub(crate) busy: &'static str,
}

/// All languages; the first one is for everybody else.
const ALL: &[Texts] = &[
    Texts {
        language: "en",
        title: "{0} Setup",
        installing: "Installing {0} …",
        closing: "Closing {0} …",
        removing: "Removing {0} …",
        installed: "{0} has been installed.",
        removed: "{0} has been removed.",
        remove: "Do you want to remove {0}?",
        running: "{0} is running and has to be closed. Close it now?",
        for_whom: "Who is {0} to be installed for?",
        for_me: "Only for me",
        for_all: "For all users of this computer\nNeeds an administrator's consent",
        newer: "A newer version is installed already: {0}",
        failed: "It could not be completed. Nothing was changed.\n\n{0}",
        damaged: "This file is damaged. Please download it again.",
        no_space: "There is not enough free space: {0} are needed.",
        busy: "Another installation is running. Please wait until it ends.",
    },
    Texts {
        language: "de",
        title: "{0} installieren",
        installing: "{0} wird installiert …",
        closing: "{0} wird geschlossen …",
        removing: "{0} wird entfernt …",
        installed: "{0} wurde installiert.",
        removed: "{0} wurde entfernt.",
        remove: "Möchten Sie {0} entfernen?",
        running: "{0} läuft noch und muss geschlossen werden. Jetzt schließen?",
        for_whom: "Für wen soll {0} installiert werden?",
        for_me: "Nur für mich",
        for_all: "Für alle Benutzer dieses Computers\nBraucht die Zustimmung eines Administrators",
        newer: "Eine neuere Version ist bereits installiert: {0}",
        failed: "Der Vorgang konnte nicht abgeschlossen werden. Es wurde nichts verändert.\n\n{0}",
        damaged: "Diese Datei ist beschädigt. Bitte laden Sie sie noch einmal herunter.",
        no_space: "Der freie Speicherplatz reicht nicht: {0} werden gebraucht.",
        busy: "Es läuft bereits eine andere Installation. Bitte warten Sie, bis sie beendet ist.",
    },
    Texts {
        language: "fr",
        title: "Installation de {0}",
        installing: "Installation de {0} en cours…",
        closing: "Fermeture de {0}…",
        removing: "Suppression de {0}…",
        installed: "{0} a été installé.",
        removed: "{0} a été supprimé.",
        remove: "Voulez-vous supprimer {0} ?",
        running: "{0} est en cours d’exécution et doit être fermé. Le fermer maintenant ?",
        for_whom: "Pour qui installer {0} ?",
        for_me: "Pour moi uniquement",
        for_all: "Pour tous les utilisateurs de cet ordinateur\nL’accord d’un administrateur est nécessaire",
        newer: "Une version plus récente est déjà installée : {0}",
        failed: "L’opération n’a pas pu être terminée. Rien n’a été modifié.\n\n{0}",
        damaged: "Ce fichier est endommagé. Veuillez le télécharger à nouveau.",
        no_space: "L’espace libre est insuffisant : il faut {0}.",
        busy: "Une autre installation est en cours. Veuillez attendre qu’elle se termine.",
    },
    Texts {
        language: "es",
        title: "Instalación de {0}",
        installing: "Instalando {0}…",
        closing: "Cerrando {0}…",
        removing: "Quitando {0}…",
        installed: "{0} se ha instalado.",
        removed: "{0} se ha quitado.",
        remove: "¿Quiere quitar {0}?",
        running: "{0} se está ejecutando y debe cerrarse. ¿Cerrarlo ahora?",
        for_whom: "¿Para quién se instala {0}?",
        for_me: "Solo para mí",
        for_all: "Para todos los usuarios de este equipo\nRequiere el consentimiento de un administrador",
        newer: "Ya hay instalada una versión más reciente: {0}",
        failed: "No se ha podido completar. No se ha cambiado nada.\n\n{0}",
        damaged: "Este archivo está dañado. Descárguelo de nuevo.",
        no_space: "No hay suficiente espacio libre: se necesitan {0}.",
        busy: "Hay otra instalación en curso. Espere a que termine.",
    },
    Texts {
        language: "it",
        title: "Installazione di {0}",
        installing: "Installazione di {0} in corso…",
        closing: "Chiusura di {0}…",
        removing: "Rimozione di {0} in corso…",
        installed: "{0} è stato installato.",
        removed: "{0} è stato rimosso.",
        remove: "Rimuovere {0}?",
        running: "{0} è in esecuzione e deve essere chiuso. Chiuderlo ora?",
        for_whom: "Per chi installare {0}?",
        for_me: "Solo per me",
        for_all: "Per tutti gli utenti di questo computer\nRichiede il consenso di un amministratore",
        newer: "È già installata una versione più recente: {0}",
        failed: "Impossibile completare l’operazione. Non è stato modificato nulla.\n\n{0}",
        damaged: "Questo file è danneggiato. Scaricarlo di nuovo.",
        no_space: "Spazio libero insufficiente: servono {0}.",
        busy: "È in corso un’altra installazione. Attendere che finisca.",
    },
    Texts {
        language: "pt",
        title: "Instalação do {0}",
        installing: "Instalando {0}…",
        closing: "Fechando {0}…",
        removing: "Removendo {0}…",
        installed: "{0} foi instalado.",
        removed: "{0} foi removido.",
        remove: "Deseja remover {0}?",
        running: "{0} está em execução e precisa ser fechado. Fechar agora?",
        for_whom: "Para quem {0} deve ser instalado?",
        for_me: "Somente para mim",
        for_all: "Para todos os usuários deste computador\nRequer o consentimento de um administrador",
        newer: "Uma versão mais recente já está instalada: {0}",
        failed: "Não foi possível concluir. Nada foi alterado.\n\n{0}",
        damaged: "Este arquivo está danificado. Baixe-o novamente.",
        no_space: "Não há espaço livre suficiente: são necessários {0}.",
        busy: "Outra instalação está em andamento. Aguarde até que ela termine.",
    },
    Texts {
        language: "nl",
        title: "{0} installeren",
        installing: "{0} wordt geïnstalleerd…",
        closing: "{0} wordt gesloten…",
        removing: "{0} wordt verwijderd…",
        installed: "{0} is geïnstalleerd.",
        removed: "{0} is verwijderd.",
        remove: "Wilt u {0} verwijderen?",
        running: "{0} is actief en moet worden gesloten. Nu sluiten?",
        for_whom: "Voor wie moet {0} worden geïnstalleerd?",
        for_me: "Alleen voor mij",
        for_all: "Voor alle gebruikers van deze computer\nVereist toestemming van een beheerder",
        newer: "Er is al een nieuwere versie geïnstalleerd: {0}",
        failed: "De bewerking kon niet worden voltooid. Er is niets gewijzigd.\n\n{0}",
        damaged: "Dit bestand is beschadigd. Download het opnieuw.",
        no_space: "Er is niet genoeg vrije ruimte: {0} is nodig.",
        busy: "Er wordt al iets anders geïnstalleerd. Wacht tot dat klaar is.",
    },
    Texts {
        language: "pl",
        title: "Instalator: {0}",
        installing: "Instalowanie: {0}…",
        closing: "Zamykanie: {0}…",
        removing: "Usuwanie: {0}…",
        installed: "Zainstalowano: {0}.",
        removed: "Usunięto: {0}.",
        remove: "Czy chcesz usunąć {0}?",
        running: "Program {0} jest uruchomiony i musi zostać zamknięty. Zamknąć go teraz?",
        for_whom: "Dla kogo zainstalować {0}?",
        for_me: "Tylko dla mnie",
        for_all: "Dla wszystkich użytkowników tego komputera\nWymaga zgody administratora",
        newer: "Nowsza wersja jest już zainstalowana: {0}",
        failed: "Nie udało się ukończyć operacji. Niczego nie zmieniono.\n\n{0}",
        damaged: "Ten plik jest uszkodzony. Pobierz go ponownie.",
        no_space: "Za mało wolnego miejsca: potrzeba {0}.",
        busy: "Trwa inna instalacja. Poczekaj na jej zakończenie.",
    },
    Texts {
        language: "ja",
        title: "{0} のセットアップ",
        installing: "{0} をインストールしています…",
        closing: "{0} を終了しています…",
        removing: "{0} を削除しています…",
        installed: "{0} をインストールしました。",
        removed: "{0} を削除しました。",
        remove: "{0} を削除しますか?",
        running: "{0} が実行中のため、終了する必要があります。今すぐ終了しますか?",
        for_whom: "{0} のインストール対象を選んでください",
        for_me: "自分のみ",
        for_all: "このコンピューターのすべてのユーザー\n管理者の承認が必要です",
        newer: "より新しいバージョンが既にインストールされています: {0}",
        failed: "完了できませんでした。何も変更されていません。\n\n{0}",
        damaged: "このファイルは壊れています。もう一度ダウンロードしてください。",
        no_space: "空き容量が足りません。{0} が必要です。",
        busy: "別のインストールが実行中です。終了するまでお待ちください。",
    },
    Texts {
        language: "zh",
        title: "{0} 安装程序",
        installing: "正在安装 {0}…",
        closing: "正在关闭 {0}…",
        removing: "正在删除 {0}…",
        installed: "{0} 已安装。",
        removed: "{0} 已删除。",
        remove: "要删除 {0} 吗?",
        running: "{0} 正在运行,需要先关闭。现在关闭吗?",
        for_whom: "为谁安装 {0}?",
        for_me: "仅为我",
        for_all: "为此计算机的所有用户\n需要管理员同意",
        newer: "已安装更新的版本:{0}",
        failed: "无法完成。没有做任何更改。\n\n{0}",
        damaged: "此文件已损坏。请重新下载。",
        no_space: "可用空间不足:需要 {0}。",
        busy: "另一个安装正在进行。请等待其结束。",
    },
];

impl Texts {
    /// The texts for a language: `de-AT`, `pt-BR`.
    pub(crate) fn of(language: &str) -> &'static Texts {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        ALL.iter().find(|texts| texts.language.eq_ignore_ascii_case(primary)).unwrap_or(&ALL[0])
    }
}

/// A text with what belongs into it.
pub(crate) fn fill(text: &str, what: &str) -> String {
    text.replace("{0}", what)
}

/// How long something is, for people.
pub(crate) fn size(bytes: u64) -> String {
    alloc::format!("{} MB", bytes.div_ceil(1_000_000))
}

/// What `/?` shows.
pub(crate) const HELP: &str = "\
/S: silently: nothing is shown or asked\n\
/D=FOLDER: where to; the last argument, without quotes\n\
/CURRENTUSER, /ALLUSERS: for whom, where the package lets you choose\n\
/LOG=FILE: write down what is done\n\
/LANG=de: the language\n\
/uninstall: remove the application\n\
--force-run: start the application afterwards\n\
--allow-downgrade: let an older version replace a newer one\n\
--updated: this is an update: the application is about to end\n\n\
Exit codes: 0 done, 1 failed and rolled back, 2 wrong argument, 3 cancelled, 4 damaged, 5 a newer version is \
installed, 6 the application could not be closed, 7 another installation is running, 8 no administrator's rights, \
9 not enough space";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_its_first_part_and_english_is_for_everybody_else() {
        assert_eq!(Texts::of("de-AT").for_me, "Nur für mich");
        assert_eq!(Texts::of("pt_BR").language, "pt");
        assert_eq!(Texts::of("eo").language, "en");
    }

    #[test]
    fn every_text_is_there_and_has_its_place_to_fill_in() {
        for texts in ALL {
            let filled = [
                texts.title,
                texts.installing,
                texts.closing,
                texts.removing,
                texts.installed,
                texts.removed,
                texts.remove,
                texts.running,
                texts.for_whom,
                texts.newer,
                texts.failed,
                texts.no_space,
            ];
            for text in filled {
                assert_eq!(text.matches("{0}").count(), 1, "{}: {text}", texts.language);
                assert!(fill(text, "<>").contains("<>"));
            }
            for text in [texts.for_me, texts.for_all, texts.damaged, texts.busy] {
                assert!(!text.is_empty() && !text.contains("{0}"), "{}: {text}", texts.language);
            }
        }
    }

    #[test]
    fn every_option_is_explained() {
        for option in ["/S", "/D=", "/ALLUSERS", "/LOG=", "/LANG=", "/uninstall", "--force-run", "--updated"]
        {
            assert!(HELP.contains(option), "{option}");
        }
        assert_eq!(size(1_000_001), "2 MB");
    }
}
